"""Process many photos: plan the output files, remember finished ones, paint in threads or on a Ray cluster."""

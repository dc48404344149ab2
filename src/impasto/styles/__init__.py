"""What may stand after --style: names, files, paintings."""

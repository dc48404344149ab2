"""What networks that learn against a critic are trained for and how: recipes for collections and for pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from impasto.settings import find, setting
from impasto.training.descent import Decay, Descent

CollectionGenerator = Literal["painter", "light", "resnet9", "resnet6"]
PairsGenerator = Literal["unet256", "unet128", "unet64", "resnet9", "resnet6"]
Method = Literal["cut", "cyclegan"]
Contest = Literal["lsgan", "vanilla"]  # as `impasto.nn.adversarial.Contest`, where PyTorch may not be installed
Patch = Literal[1, 16, 34, 70]


@dataclass(frozen=True)
class GanRecipe(Descent):
    """What recipes for collections and for pairs share.

    Attributes:
        width: channels of the first convolution of a residual network or U-Net.
        contest: the adversarial loss: least squares, or the original one.
        patch: pixels a side that the critic judges by one number.
        critic_width: channels of its first convolution.
        critic_rate: its learning rate, over the network's.
        adversarial_weight: of the critic's verdict in the sum of losses.
        pool: pictures of earlier steps that the critic learns from, too.
    """

    betas: ClassVar[tuple[float, float]] = (0.5, 0.999)

    batch_size: int = setting(1, "Pictures in a step, over all processes.", 1, 1024)
    learning_rate: float = setting(2e-4, "Its step.", 1e-8, 10)
    warmup: int = setting(0, "Steps over which the learning rate rises.", 0, 1_000_000)
    decay: Decay = setting("linear", "How the learning rate falls; linear, from the middle on.")
    clip: float = setting(1e9, "Norm to which gradients are cut.", 1e-6, 1e9)
    ema: float = setting(0.99, "How slowly the averaged weights follow; 0 takes the last ones.", 0, 0.99999)
    width: int = setting(64, "Channels of the first convolution of a resnet or U-Net.", 4, 256)
    contest: Contest = setting("lsgan", "The adversarial loss: least squares, or the original one.")
    patch: Patch = setting(70, "Pixels a side of the patches that the critic judges.", 1, 70)
    critic_width: int = setting(64, "Channels of the critic's first convolution.", 4, 256)
    critic_rate: float = setting(1.0, "The critic's learning rate, over the network's.", 1e-4, 100)
    adversarial_weight: float = setting(1.0, "Weight of the critic's verdict.", 0, 1e9)
    pool: int = setting(0, "Pictures of earlier steps that the critic learns from.", 0, 10_000)


@dataclass(frozen=True)
class CollectionRecipe(GanRecipe):
    """From photos to a collection of paintings.

    Attributes:
        generator: "painter" and "light" begin with that engine's weights, and the result is a style of that engine;
            the others begin with none, and the result is a network.
        method: "cut", contrastive (Park et al. 2020); "cyclegan", two networks, there and back (Zhu et al. 2017).
        brush: how large strokes are: 1, as paintings are looked at, at some 0.27 megapixels.
        nce_weight, temperature, patches: cut: of the contrastive loss; its temperature; places in a picture.
        identity_weight: cut: of the contrastive loss of paintings, which are to stay as they are. cyclegan: of the
            identity loss, over the cycle's.
        keep_weight: cut: of the identity loss of paintings (Zhu et al. 2017), which holds brightness and colors.
        cycle_weight: cyclegan: of the cycle loss.
    """

    generator: CollectionGenerator = setting("painter", "The network that paints.")
    method: Method = setting("cut", "What holds the photo: contrast of patches, or a way there and back.")
    brush: float = setting(1.0, "How large strokes are.", 0.25, 4)
    nce_weight: float = setting(1.0, "cut: weight of the contrastive loss.", 0, 1e9)
    temperature: float = setting(0.07, "cut: temperature of the contrastive loss.", 1e-3, 10)
    patches: int = setting(256, "cut: places in a picture whose features are compared.", 2, 4096)
    identity_weight: float = setting(1.0, "Weight of what keeps paintings as they are.", 0, 1e9)
    keep_weight: float = setting(0.0, "cut: weight of the difference that a painting is painted with.", 0, 1e9)
    cycle_weight: float = setting(10.0, "cyclegan: weight of the cycle loss.", 0, 1e9)


@dataclass(frozen=True)
class PairsRecipe(GanRecipe):
    """From inputs to their targets (Isola et al. 2017).

    Attributes:
        generator: a U-Net that takes pictures of multiples of 256, 128 or 64 pixels, or a residual network.
        pair_weight: of the mean absolute difference from the target.
    """

    iterations: int = setting(40_000, "Steps of the optimizer.", 1, 10_000_000)
    contest: Contest = setting("vanilla", "The adversarial loss: least squares, or the original one.")
    generator: PairsGenerator = setting("unet256", "The network that paints.")
    pair_weight: float = setting(100.0, "Weight of the difference from the target.", 0, 1e9)


COLLECTION = CollectionRecipe(
    iterations=1_000,
    size=224,
    learning_rate=4e-4,
    warmup=50,
    clip=1.0,
    ema=0.995,
    patch=34,
    critic_width=48,
    critic_rate=0.5,
    adversarial_weight=3.0,
    nce_weight=0.7,
    keep_weight=3.0,
)
PAIRS = PairsRecipe()

COLLECTION_RECIPES: dict[str, CollectionRecipe] = {
    "default": COLLECTION,
    "light": replace(COLLECTION, generator="light"),
    # Park et al. 2020: 400 passes through a thousand pictures, the first half at a constant rate.
    # Its verdict is not halved as `impasto.nn.adversarial.deception_loss` is.
    "cut": CollectionRecipe(iterations=400_000, generator="resnet9", adversarial_weight=2.0, ema=0.0),
    # Zhu et al. 2017: 200 passes; nor is theirs.
    "cyclegan": CollectionRecipe(
        iterations=200_000,
        generator="resnet9",
        method="cyclegan",
        adversarial_weight=2.0,
        pool=50,
        identity_weight=0.5,
        ema=0.0,
    ),
    # The same with two of the painter's networks.
    "cyclegan-painter": replace(COLLECTION, method="cyclegan", iterations=4_000, pool=50, identity_weight=0.5),
}

PAIRS_RECIPES: dict[str, PairsRecipe] = {
    "default": PAIRS,
    # A sixteenth of the work, for crops of 128 pixels.
    "light": replace(PAIRS, generator="unet128", width=32, critic_width=32, size=128, batch_size=4),
    # Isola et al. 2017: batches of one; 200 passes through some hundred pairs.
    "pix2pix": replace(PAIRS, iterations=80_000, ema=0.0),
}


def find_collection_recipe(recipe: str | CollectionRecipe) -> CollectionRecipe:
    """A recipe for a collection by its name.

    Raises:
        UsageError: no such recipe.
    """
    return find(COLLECTION_RECIPES, recipe, "recipe")


def find_pairs_recipe(recipe: str | PairsRecipe) -> PairsRecipe:
    """A recipe for pairs by its name.

    Raises:
        UsageError: no such recipe.
    """
    return find(PAIRS_RECIPES, recipe, "recipe")

"""Recipes for networks that learn against a critic: for collections and for pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from impasto.settings import find, setting
from impasto.training.descent import Decay, Descent

CollectionGenerator = Literal["painter", "light", "resnet9", "resnet6"]
PairsGenerator = Literal["unet256", "unet128", "unet64", "resnet9", "resnet6"]
Method = Literal["cut", "cyclegan"]
Contest = Literal["lsgan", "vanilla"]  # a copy of `impasto.nn.adversarial.Contest`, which needs PyTorch
Patch = Literal[1, 16, 34, 70]


@dataclass(frozen=True)
class GanRecipe(Descent):
    """Settings that recipes for collections and for pairs share.

    Attributes:
        width: channels of the first convolution of a residual network or U-Net.
        contest: the adversarial loss: least squares (lsgan), or the original one (vanilla).
        patch: side in pixels of the patches that the critic judges.
        critic_width: channels of the critic's first convolution.
        critic_rate: the critic's learning rate, relative to the network's.
        adversarial_weight: weight of the adversarial loss.
        pool: number of pictures from earlier steps that the critic also learns from.
    """

    betas: ClassVar[tuple[float, float]] = (0.5, 0.999)

    batch_size: int = setting(1, "Pictures in a step, over all processes.", 1, 1024)
    learning_rate: float = setting(2e-4, "The learning rate.", 1e-8, 10)
    warmup: int = setting(0, "Steps over which the learning rate rises at the start.", 0, 1_000_000)
    decay: Decay = setting("linear", "How the learning rate falls; linear starts halfway.")
    clip: float = setting(1e9, "Largest norm of the gradients; longer ones are scaled down.", 1e-6, 1e9)
    ema: float = setting(0.99, "Memory of the averaged weights; 0 uses the last weights.", 0, 0.99999)
    width: int = setting(64, "Channels of the first convolution of a resnet or U-Net.", 4, 256)
    contest: Contest = setting("lsgan", "The adversarial loss: least squares (lsgan) or the original one (vanilla).")
    patch: Patch = setting(70, "Side in pixels of the patches that the critic judges.", 1, 70)
    critic_width: int = setting(64, "Channels of the critic's first convolution.", 4, 256)
    critic_rate: float = setting(1.0, "The critic's learning rate, relative to the network's.", 1e-4, 100)
    adversarial_weight: float = setting(1.0, "Weight of the adversarial loss.", 0, 1e9)
    pool: int = setting(0, "Pictures from earlier steps that the critic also learns from.", 0, 10_000)


@dataclass(frozen=True)
class CollectionRecipe(GanRecipe):
    """A recipe that turns photos into pictures like those of a collection.

    Attributes:
        generator: "painter" and "light" start with the weights of that engine, and the result is a style of that
            engine. The others start with random weights, and the result is a network.
        method: "cut", contrastive learning (Park et al. 2020), or "cyclegan", two networks, there and back (Zhu et al.
            2017).
        brush: stroke size. 1 is the size in paintings that are viewed at about 0.27 megapixels.
        nce_weight, temperature, patches: cut: weight and temperature of the contrastive loss, and the number of places
            that it compares in a picture.
        identity_weight: cut: weight of the contrastive loss on paintings, which should stay unchanged. cyclegan: weight
            of the identity loss, relative to the cycle loss.
        keep_weight: cut: weight of the identity loss on paintings (Zhu et al. 2017), which preserves brightness and
            colors.
        cycle_weight: cyclegan: weight of the cycle loss.
    """

    generator: CollectionGenerator = setting("painter", "The network that paints.")
    method: Method = setting(
        "cut", "How the photo's content is preserved: contrast of patches (cut), or the way there and back (cyclegan)."
    )
    brush: float = setting(1.0, "Stroke size; 1 is that of the paintings.", 0.25, 4)
    nce_weight: float = setting(1.0, "cut: weight of the contrastive loss.", 0, 1e9)
    temperature: float = setting(0.07, "cut: temperature of the contrastive loss.", 1e-3, 10)
    patches: int = setting(256, "cut: places in a picture whose features are compared.", 2, 4096)
    identity_weight: float = setting(1.0, "Weight of the loss that keeps paintings unchanged.", 0, 1e9)
    keep_weight: float = setting(
        0.0, "cut: weight of the difference between a painting and its painted version.", 0, 1e9
    )
    cycle_weight: float = setting(10.0, "cyclegan: weight of the cycle loss.", 0, 1e9)


@dataclass(frozen=True)
class PairsRecipe(GanRecipe):
    """A recipe that turns inputs into their targets (Isola et al. 2017).

    Attributes:
        generator: a U-Net, which takes pictures whose sides are multiples of 256, 128 or 64 pixels, or a residual
            network.
        pair_weight: weight of the mean absolute difference from the target.
    """

    iterations: int = setting(40_000, "Steps of the optimizer.", 1, 10_000_000)
    contest: Contest = setting("vanilla", "The adversarial loss: least squares (lsgan) or the original one (vanilla).")
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
    # Park et al. 2020: 400 passes over a thousand pictures, the first half at a constant rate. The weight is 2,
    # because `impasto.nn.adversarial.deception_loss` halves the loss and the paper does not.
    "cut": CollectionRecipe(iterations=400_000, generator="resnet9", adversarial_weight=2.0, ema=0.0),
    # Zhu et al. 2017: 200 passes. The weight is 2 for the same reason.
    "cyclegan": CollectionRecipe(
        iterations=200_000,
        generator="resnet9",
        method="cyclegan",
        adversarial_weight=2.0,
        pool=50,
        identity_weight=0.5,
        ema=0.0,
    ),
    # The same method with two of the painter's networks.
    "cyclegan-painter": replace(COLLECTION, method="cyclegan", iterations=4_000, pool=50, identity_weight=0.5),
}

PAIRS_RECIPES: dict[str, PairsRecipe] = {
    "default": PAIRS,
    # One sixteenth of the work, for crops of 128 pixels.
    "light": replace(PAIRS, generator="unet128", width=32, critic_width=32, size=128, batch_size=4),
    # Isola et al. 2017: batches of one, 200 passes over several hundred pairs.
    "pix2pix": replace(PAIRS, iterations=80_000, ema=0.0),
}


def find_collection_recipe(recipe: str | CollectionRecipe) -> CollectionRecipe:
    """Return a recipe for collections by its name.

    Raises:
        UsageError: no recipe has this name.
    """
    return find(COLLECTION_RECIPES, recipe, "recipe")


def find_pairs_recipe(recipe: str | PairsRecipe) -> PairsRecipe:
    """Return a recipe for pairs by its name.

    Raises:
        UsageError: no recipe has this name.
    """
    return find(PAIRS_RECIPES, recipe, "recipe")

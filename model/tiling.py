"""Tiling: the division of a batch among the programs of the fused kernels."""

from __future__ import annotations

from dataclasses import dataclass

# Two for each of an H100's 132 multiprocessors.
PROGRAMS = 264
LARGEST_UNSPLIT_BATCH = 512


@dataclass(frozen=True)
class Tiling:
    """The division of a batch among the programs of the kernels.

    Attributes:
        samples_block: samples for each program of the first kernel.
        warps: warps of such a program. Each thread has one pixel.
        unroll: blocks of pixels that such a program loads before it uses the first one.
        classes_block: classes for each program of the second kernel, a power of two.
        pixels_each: pixels for each of its threads, 1 or 4.
        pixels_block: threads beside each other, each with its own pixels.
        product_warps: warps of such a program.
        product_unroll: rounds of samples that such a program loads before it uses the first one.
        splits: parts of the batch that the second kernel works on side by side. With one part it moves the
            model itself.
        split_size: samples in each part.
    """

    samples_block: int
    warps: int
    unroll: int
    classes_block: int
    pixels_each: int
    pixels_block: int
    product_warps: int
    product_unroll: int
    splits: int
    split_size: int

    @property
    def product_samples_block(self) -> int:
        """Return the samples that a program of the second kernel works on in one round."""
        return self.product_warps * 32 // self.pixels_block

    @classmethod
    def choose(cls, batch_size: int, classes: int, pixels: int) -> Tiling:
        """Return the tiling for batches of that size, number of classes and number of pixels."""
        padded = round_up_to_power_of_two(classes)
        small = batch_size <= LARGEST_UNSPLIT_BATCH
        # Each thread holds as many sums as samples times classes.
        samples_block = max(1, min(2 if small else 4, 64 // padded))
        # With many programs each gets fewer warps, as another warp adds all of its sums to the others'.
        programs = -(-batch_size // samples_block)
        warps = max(1, min(4, round_up_to_power_of_two(4 * PROGRAMS // programs)))
        blocks = -(-pixels // (32 * warps))
        # Loaded values must fit into a thread's registers, beside its sums, until they are used.
        fitting = 128 // (classes + samples_block)
        unroll = max(1, min(blocks if blocks <= 8 else 4, fitting))
        # The block of gradients must have fewer elements than a program has threads. Otherwise Triton would
        # load it once for all threads and pass it on through shared memory, in every round.
        if small:
            classes_block, pixels_each, pixels_block, product_warps, product_unroll = 4, 1, 8, 8, 8
        else:
            classes_block, pixels_each, pixels_block, product_warps, product_unroll = 16, 4, 32, 4, 4
        step = product_warps * 32 // pixels_block * product_unroll
        wide = -(-(pixels + 1) // (pixels_each * pixels_block)) * -(-classes // classes_block)
        most = 1 if small else max(2, PROGRAMS // wide)
        split_size = step * -(-batch_size // (step * most))
        return cls(
            samples_block=samples_block,
            warps=warps,
            unroll=unroll,
            classes_block=min(classes_block, padded),
            pixels_each=pixels_each,
            pixels_block=pixels_block,
            product_warps=product_warps,
            product_unroll=product_unroll,
            splits=-(-batch_size // split_size),
            split_size=split_size,
        )


def round_up_to_power_of_two(number: int) -> int:
    """Return the least power of two that is at least `number`."""
    return 1 << max(0, number - 1).bit_length()

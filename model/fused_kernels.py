# mypy knows no types of Triton's. Arguments in capitals are constants at compile time.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, N803, PLR0913
"""Kernels of `model.fused_step` in Triton, imported only when a fused step is made.

Matrix products are sums of elementwise products, in float32. tl.dot needs at least 16 rows and
columns, so that a batch of 256 would keep only 16 programs busy. No sum is atomic, so that a batch
moves a model to the same bits every time.

The bias is the weight of one more pixel, number PIXELS, which is 1 in every sample.
"""

from __future__ import annotations

import triton
import triton.language as tl


# Neither the size of a batch nor its address may make Triton compile again during training.
@triton.jit(
    do_not_specialize=["batch_size"],
    do_not_specialize_on_alignment=["images", "labels", "weight", "bias", "gradients", "losses"],
)
def write_gradients(
    images,
    labels,
    weight,
    bias,
    gradients,
    losses,
    batch_size,
    PIXELS: tl.constexpr,
    CLASSES: tl.constexpr,
    LOSS: tl.constexpr,
    DELTA: tl.constexpr,
    SAMPLES_BLOCK: tl.constexpr,
    CLASSES_BLOCK: tl.constexpr,
    PIXELS_BLOCK: tl.constexpr,
    UNROLL: tl.constexpr,
):
    """Write the gradients (CLASSES, B) of a block's samples, and the sum of their losses.

    One array (samples, classes, pixels) holds the sums until the last pixel. So they are added across
    threads once, and not once for each block of pixels.
    """
    samples = tl.program_id(0) * SAMPLES_BLOCK + tl.arange(0, SAMPLES_BLOCK)
    classes = tl.arange(0, CLASSES_BLOCK)
    in_batch = samples < batch_size
    label = tl.load(labels + samples, mask=in_batch, other=0)
    class_bias = tl.load(bias + classes, mask=classes < CLASSES, other=0.0)
    rows = samples.to(tl.int64)[:, None, None] * PIXELS
    weight_rows = classes[None, :, None] * PIXELS
    sums = tl.zeros((SAMPLES_BLOCK, CLASSES_BLOCK, PIXELS_BLOCK), tl.float32)
    for start in tl.range(0, PIXELS, PIXELS_BLOCK, loop_unroll_factor=UNROLL):
        pixels = start + tl.arange(0, PIXELS_BLOCK)[None, None, :]
        in_image = pixels < PIXELS
        x = tl.load(images + rows + pixels, mask=in_batch[:, None, None] & in_image, other=0.0)
        w = tl.load(
            weight + weight_rows + pixels, mask=(classes[None, :, None] < CLASSES) & in_image, other=0.0
        )
        sums += tl.where(classes[None, :, None] < CLASSES, x * w, 0.0)
    is_class = (classes < CLASSES)[None, :]
    outputs = tl.sum(sums, axis=2) + class_bias[None, :]
    targets = tl.where(classes[None, :] == label[:, None], 1.0, 0.0)
    if LOSS == "cross_entropy":
        shifted = outputs - tl.max(tl.where(is_class, outputs, float("-inf")), axis=1)[:, None]
        exponentials = tl.where(is_class, tl.exp(shifted), 0.0)
        exponentials_sum = tl.sum(exponentials, axis=1)
        gradient = exponentials / exponentials_sum[:, None] - targets
        loss = tl.log(exponentials_sum) - tl.sum(shifted * targets, axis=1)
    else:
        residual = outputs - targets
        if LOSS == "squared":
            gradient = residual
        else:
            # tl.clamp would turn NaN into a number, and hide a model that has diverged.
            gradient = tl.where(residual > DELTA, DELTA, tl.where(residual < -DELTA, -DELTA, residual))
        loss = tl.sum(tl.where(is_class, gradient * (residual - 0.5 * gradient), 0.0), axis=1)
    tl.store(losses + tl.program_id(0), tl.sum(tl.where(in_batch, loss, 0.0), axis=0))
    places = classes.to(tl.int64)[None, :] * batch_size + samples[:, None]
    tl.store(gradients + places, gradient, mask=is_class & in_batch[:, None])


@triton.jit
def add_losses(losses, count, total, BLOCK: tl.constexpr):
    """Add `count` sums of losses to `total`, in float64."""
    before = tl.load(total)
    sums = tl.zeros((BLOCK,), tl.float64)
    for start in range(0, count, BLOCK):
        places = start + tl.arange(0, BLOCK)
        sums += tl.load(losses + places, mask=places < count, other=0.0).to(tl.float64)
    tl.store(total, before + tl.sum(sums, axis=0))


@triton.jit
def parameter_places(weight, bias, classes, pixels, PIXELS: tl.constexpr):
    """Return pointers to the weights of these pixels. The weight of pixel number PIXELS is the bias."""
    return tl.where(pixels == PIXELS, bias + classes, weight + classes * PIXELS + pixels)


@triton.jit(
    do_not_specialize=["batch_size", "split_size", "losses_count"],
    do_not_specialize_on_alignment=["images", "gradients", "losses", "total", "weight", "bias", "partials"],
)
def multiply_gradients(
    images,
    gradients,
    losses,
    total,
    weight,
    bias,
    partials,
    batch_size,
    split_size,
    losses_count,
    rate,
    PIXELS: tl.constexpr,
    CLASSES: tl.constexpr,
    SPLIT: tl.constexpr,
    SAMPLES_BLOCK: tl.constexpr,
    CLASSES_BLOCK: tl.constexpr,
    PIXELS_BLOCK: tl.constexpr,
    PIXELS_EACH: tl.constexpr,
    LOSSES_BLOCK: tl.constexpr,
    UNROLL: tl.constexpr,
):
    """Multiply gradients and images over the samples of one split, and add up the losses.

    A batch that is not split moves the model at once. Otherwise the products of each split go to
    `partials` (splits, CLASSES, PIXELS + 1), and `add_partials` moves the model by them.
    """
    if (tl.program_id(0) == 0) & (tl.program_id(1) == 0) & (tl.program_id(2) == 0):
        add_losses(losses, losses_count, total, LOSSES_BLOCK)
    first = tl.program_id(1) * split_size
    classes = tl.arange(0, CLASSES_BLOCK)[:, None, None]
    # If one block has all classes, the compiler drops those beyond the last one.
    if CLASSES > CLASSES_BLOCK:
        classes += tl.program_id(2) * CLASSES_BLOCK
    pixels = tl.program_id(0) * PIXELS_EACH * PIXELS_BLOCK + tl.arange(0, PIXELS_BLOCK)[None, None, :]
    if not SPLIT:
        is_parameter = (classes < CLASSES) & (pixels <= PIXELS)
        places = parameter_places(weight, bias, classes, pixels, PIXELS)
        before = tl.load(places, mask=is_parameter, other=0.0)
    rows = classes.to(tl.int64) * batch_size
    # One array with another dimension would be slower. Triton 3.2 and 3.6 would spread its pixels over the
    # warps, and each thread would load every gradient four times as often.
    sums0 = tl.zeros((CLASSES_BLOCK, SAMPLES_BLOCK, PIXELS_BLOCK), tl.float32)
    if PIXELS_EACH == 4:
        sums1 = tl.zeros((CLASSES_BLOCK, SAMPLES_BLOCK, PIXELS_BLOCK), tl.float32)
        sums2 = tl.zeros((CLASSES_BLOCK, SAMPLES_BLOCK, PIXELS_BLOCK), tl.float32)
        sums3 = tl.zeros((CLASSES_BLOCK, SAMPLES_BLOCK, PIXELS_BLOCK), tl.float32)
    for start in tl.range(0, split_size, SAMPLES_BLOCK, loop_unroll_factor=UNROLL):
        samples = first + start + tl.arange(0, SAMPLES_BLOCK)[None, :, None]
        g = tl.load(gradients + rows + samples, mask=(samples < batch_size) & (classes < CLASSES), other=0.0)
        x = load_pixels(images, samples, pixels, batch_size, PIXELS)
        sums0 = add_products(sums0, g, x, classes, CLASSES)
        if PIXELS_EACH == 4:
            x = load_pixels(images, samples, pixels + PIXELS_BLOCK, batch_size, PIXELS)
            sums1 = add_products(sums1, g, x, classes, CLASSES)
            x = load_pixels(images, samples, pixels + 2 * PIXELS_BLOCK, batch_size, PIXELS)
            sums2 = add_products(sums2, g, x, classes, CLASSES)
            x = load_pixels(images, samples, pixels + 3 * PIXELS_BLOCK, batch_size, PIXELS)
            sums3 = add_products(sums3, g, x, classes, CLASSES)
    if SPLIT:
        partials += tl.program_id(1).to(tl.int64) * CLASSES * (PIXELS + 1)
        store_products(partials, classes, pixels, sums0, PIXELS, CLASSES)
        if PIXELS_EACH == 4:
            store_products(partials, classes, pixels + PIXELS_BLOCK, sums1, PIXELS, CLASSES)
            store_products(partials, classes, pixels + 2 * PIXELS_BLOCK, sums2, PIXELS, CLASSES)
            store_products(partials, classes, pixels + 3 * PIXELS_BLOCK, sums3, PIXELS, CLASSES)
    else:
        tl.static_assert(PIXELS_EACH == 1)
        tl.store(places, before + rate * tl.sum(sums0, axis=1, keep_dims=True), mask=is_parameter)


@triton.jit
def load_pixels(images, samples, pixels, batch_size, PIXELS: tl.constexpr):
    """Return pixels of images, 1 for pixel number PIXELS, and 0 beyond it or beyond the batch."""
    mask = (samples < batch_size) & (pixels < PIXELS)
    one = tl.where(pixels == PIXELS, 1.0, 0.0)
    return tl.load(images + samples.to(tl.int64) * PIXELS + pixels, mask=mask, other=one)


@triton.jit
def add_products(sums, g, x, classes, CLASSES: tl.constexpr):
    """Return sums (classes, samples, pixels) plus g times x."""
    # With one block the compiler knows each thread's classes, and drops those beyond the last one.
    if sums.shape[0] < CLASSES:
        return sums + g * x
    else:  # noqa: RET505  Triton compiles the code after an if, even if that is known to return.
        return sums + tl.where(classes < CLASSES, g * x, 0.0)


@triton.jit
def store_products(products, classes, pixels, sums, PIXELS: tl.constexpr, CLASSES: tl.constexpr):
    """Sum (classes, samples, pixels) over the samples, and store the sums in (CLASSES, PIXELS + 1)."""
    mask = (classes < CLASSES) & (pixels <= PIXELS)
    tl.store(products + classes * (PIXELS + 1) + pixels, tl.sum(sums, axis=1, keep_dims=True), mask=mask)


@triton.jit(
    do_not_specialize=["splits"],
    do_not_specialize_on_alignment=["partials", "weight", "bias"],
)
def add_partials(
    partials,
    weight,
    bias,
    splits,
    rate,
    PIXELS: tl.constexpr,
    CLASSES: tl.constexpr,
    SPLITS_BLOCK: tl.constexpr,
    ELEMENTS_BLOCK: tl.constexpr,
):
    """Add up the splits' products, and move the model by them."""
    count = CLASSES * (PIXELS + 1)
    elements = tl.program_id(0) * ELEMENTS_BLOCK + tl.arange(0, ELEMENTS_BLOCK)
    is_parameter = elements < count
    parameters = parameter_places(weight, bias, elements // (PIXELS + 1), elements % (PIXELS + 1), PIXELS)
    before = tl.load(parameters, mask=is_parameter, other=0.0)
    sums = tl.zeros((SPLITS_BLOCK, ELEMENTS_BLOCK), tl.float32)
    for start in tl.range(0, splits, SPLITS_BLOCK, loop_unroll_factor=4):
        rows = start + tl.arange(0, SPLITS_BLOCK)[:, None]
        places = partials + rows.to(tl.int64) * count + elements[None, :]
        sums += tl.load(places, mask=(rows < splits) & is_parameter[None, :], other=0.0)
    tl.store(parameters, before + rate * tl.sum(sums, axis=0), mask=is_parameter)

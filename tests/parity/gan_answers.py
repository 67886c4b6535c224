#!/usr/bin/env python3
"""Trains a plain PyTorch GAN for some steps. Writes losses and gradients to tests/parity/answers/gan.safetensors.

Usage: gan_answers.py [FOLDER]        (FOLDER defaults to the committed answers)

Images, masks and weights are random numbers from counter_random. gan_test.cpp generates the same values. A step
has two micro-batches. It computes the generator's loss for both, then the discriminator's loss for both on the
images that the generator made, and then updates both networks with Adam. A gradient is summarised as in
unet_answers.py.
"""

import pathlib
import sys

import torch
from denoising_diffusion_pytorch import Unet
from safetensors.torch import save_file
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

import counter_random
from unet_answers import keyed, set_weights, summary, without_time

TOLERANCE = 1e-4

SIZE, CHANNELS, IMAGES, MICRO_BATCHES, STEPS = 16, 1, 4, 2, 3
DIM = 16  # of both networks
LAMBDA, L1, FEATURES, R1, R1_EVERY = 0.7, 0.3, 1.5, 2.0, 2
LEARNING_RATE, EPSILON, DISCRIMINATOR_RATE = 1e-3, 1e-3, 2.0
SEED, REGULARIZATION = 1, 8  # gm's seed, and its random stream for R1

# name: loss, patch discriminator, all optional loss terms and spectral norms
CASES = {
    **{loss: (loss, True, False) for loss in ("minimax", "non_saturating", "hinge", "least_squares")},
    **{f"{loss}_full": (loss, False, True) for loss in ("minimax", "non_saturating", "hinge", "least_squares")},
    "hinge_patch_full": ("hinge", True, True),
}

ADVERSARIAL = {  # Losses of the generator, and of the discriminator on real and on generated images.
    "minimax": (lambda z: -F.logsigmoid(z).mean(), lambda z: -F.logsigmoid(z).mean(),
                  lambda z: -F.logsigmoid(-z).mean()),
    "hinge": (lambda z: -z.mean(), lambda z: F.relu(1 - z).mean(), lambda z: F.relu(1 + z).mean()),
    "least_squares": (lambda z: ((z - 1)**2).mean() / 2, lambda z: ((z - 1)**2).mean() / 2, lambda z: (z**2).mean() / 2),
}
ADVERSARIAL["non_saturating"] = ADVERSARIAL["minimax"]


class Discriminator(torch.nn.Module):
    def __init__(self, channels, size, dim, patch):
        super().__init__()
        widths = [channels, dim, 2 * dim, 4 * dim]
        self.convs = torch.nn.ModuleList(
            torch.nn.Conv2d(i, o, 4, stride=2, padding=1) for i, o in zip(widths, widths[1:]))
        self.head = torch.nn.Conv2d(widths[-1], 1, 3, padding=1) if patch else torch.nn.Conv2d(widths[-1], 1, size // 8)

    def forward(self, x):
        activations = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
            activations.append(x)
        return self.head(x), activations

    def layers(self):
        return [*self.convs, self.head]


def normalize_spectrally(network):
    """The vectors come from counter_random. The first power iteration runs in the first step."""
    for index, layer in enumerate(network.layers()):
        spectral_norm(layer)
        norm = layer.parametrizations.weight[0]
        for i, vector in enumerate((norm._u, norm._v)):
            vector.copy_(keyed(counter_random.INPUTS, 100 + 2 * index + i, tuple(vector.shape)))


def iterate_spectral_norms(network):
    """Reading a weight in training mode is a power iteration."""
    network.train()
    for layer in network.layers():
        if is_parametrized(layer):
            layer.weight  # noqa: B018
    network.eval()


def chosen_for_r1(positions):
    """Chooses one of R1_EVERY images on average, by the first random number of its position, in [0, 2^32)."""
    words = [int(counter_random.words(SEED, REGULARIZATION, int(position), 1)[0]) for position in positions]
    return torch.tensor([word * R1_EVERY >> 32 == 0 for word in words])


def sums(x):
    return x.sum(dim=(1, 2, 3))


class Gan:
    def __init__(self, loss, patch, full):
        self.loss, self.full = loss, full
        self.generator = without_time(Unet(DIM, dim_mults=(1, 2), channels=CHANNELS + 1, out_dim=CHANNELS))
        self.discriminator = Discriminator(CHANNELS, SIZE, DIM, patch)
        set_weights(self.generator)
        set_weights(self.discriminator)
        if full:
            normalize_spectrally(self.discriminator)
        self.optimizers = [
            torch.optim.Adam(self.generator.parameters(), lr=LEARNING_RATE, eps=EPSILON),
            torch.optim.Adam(self.discriminator.parameters(), lr=LEARNING_RATE * DISCRIMINATOR_RATE, eps=EPSILON)
        ]

    def parameters_of(self, network):
        """In gm's order."""
        if network is self.generator:
            return list(network.parameters())
        parameters = []
        for layer in network.layers():
            weight = layer.parametrizations.weight.original if is_parametrized(layer) else layer.weight
            parameters += [weight, layer.bias]
        return parameters

    def generator_loss(self, y, mask):
        output = self.generator(torch.cat([y * (1 - mask), mask], 1), torch.zeros(len(y)))
        made = y * (1 - mask) + output * mask
        squares = sums((mask * (y - made))**2)
        missing = sums(mask) * CHANNELS
        logits, activations = self.discriminator(made)
        terms = {
            "reconstruction": (squares if self.loss == "minimax" else squares / missing).mean(),
            "adversarial": ADVERSARIAL[self.loss][0](logits),
        }
        total = terms["reconstruction"] + LAMBDA * terms["adversarial"]
        if self.full:
            terms["l1"] = (sums((mask * (y - made)).abs()) / missing).mean()
            _, real = self.discriminator(y)
            distances = [(a - b.detach()).abs().mean() for a, b in zip(activations, real)]
            terms["feature_matching"] = sum(distances) / len(distances)
            total = total + L1 * terms["l1"] + FEATURES * terms["feature_matching"]
        return total, terms, made.detach()

    def discriminator_loss(self, y, made, positions):
        _, real_loss, fake_loss = ADVERSARIAL[self.loss]
        real, fake = self.discriminator(y)[0], self.discriminator(made)[0]
        probability = (lambda z: z.clamp(0, 1)) if self.loss == "least_squares" else torch.sigmoid
        terms = {"real": real_loss(real), "fake": fake_loss(fake),
                 "probability_real": probability(real).mean(), "probability_fake": probability(fake).mean()}
        total = terms["real"] + terms["fake"]
        if self.full:
            x = y[chosen_for_r1(positions)].clone().requires_grad_()
            logits = self.discriminator(x)[0].mean(dim=(1, 2, 3)).sum()
            gradient, = torch.autograd.grad(logits, x, create_graph=True)
            terms["r1"] = (gradient**2).sum() / 2 * R1_EVERY / len(y)
            total = total + R1 * terms["r1"]
        return total, terms

    def step(self, batches):
        """Means of the loss terms over the micro-batches, and summaries of the mean gradients of both networks."""
        iterate_spectral_norms(self.discriminator)
        made, means = [], {}

        def add(total, terms):
            (total / MICRO_BATCHES).backward()
            for name, value in terms.items():
                means[name] = means.get(name, 0) + value.item() / MICRO_BATCHES

        for y, mask, _ in batches:
            total, terms, images = self.generator_loss(y, mask)
            made.append(images)
            add(total, terms)
        generator_gradients = self.summaries(self.generator)
        self.discriminator.zero_grad()  # Discards the gradients of the generator's phase.
        for (y, _, positions), images in zip(batches, made):
            add(*self.discriminator_loss(y, images, positions))
        discriminator_gradients = self.summaries(self.discriminator)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        return means, generator_gradients, discriminator_gradients

    def summaries(self, network):
        return torch.tensor([summary(i, p.grad) for i, p in enumerate(self.parameters_of(network))], dtype=torch.float64)


def batch(number):
    shape = (IMAGES, CHANNELS, SIZE, SIZE)
    y = keyed(counter_random.INPUTS, 2 * number, shape)
    mask = (keyed(counter_random.INPUTS, 2 * number + 1, (IMAGES, 1, SIZE, SIZE)) > 0.2).float()
    return y, mask, torch.arange(number * IMAGES, (number + 1) * IMAGES)


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "answers"
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for case, settings in CASES.items():
        gan = Gan(*settings)
        for step in range(STEPS):
            means, generator, discriminator = gan.step([batch(step * MICRO_BATCHES + i) for i in range(MICRO_BATCHES)])
            for name, value in means.items():
                tensors[f"{case}.{step}.{name}"] = torch.tensor(value, dtype=torch.float64)
            tensors[f"{case}.{step}.generator"] = generator
            tensors[f"{case}.{step}.discriminator"] = discriminator
    save_file(tensors, folder / "gan.safetensors")


if __name__ == "__main__":
    main()

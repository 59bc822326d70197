import random

import numpy as np


def split(rows, share=0.8, seed=7):
    """Rows for training and rows for checking, the same ones each time."""
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    cut = int(len(rows) * share)
    return [rows[i] for i in order[:cut]], [rows[i] for i in order[cut:]]


def initial_weights(inputs, outputs):
    return np.random.default_rng(3).normal(0, 0.1, size=(inputs, outputs))

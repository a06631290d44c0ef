"""A loop of one's own with Accelerate, whose DataLoader looks one batch ahead."""

import argparse

import torch
from accelerate import Accelerator
from points import Points
from torch.utils.data import DataLoader

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
arguments = parser.parse_args()
accelerator = Accelerator(cpu=True)
model = torch.nn.Linear(8, 4)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
train = DataLoader(Points(96), batch_size=8, shuffle=True)
model, optimizer, train = accelerator.prepare(model, optimizer, train)
for epoch in range(arguments.epochs):
    for points, labels in train:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(points), labels)
        accelerator.backward(loss)
        optimizer.step()
    print("epoch", epoch)

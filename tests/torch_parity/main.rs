//! What is computed is what PyTorch computes: networks, gradients, optimiser, schedules, loss.
//!
//! Golden values: `fixtures/networks/*.json` and `fixtures/optimiser/optimiser.json`, made by the `make.py`
//! beside them. Weights and images are not stored: both sides make them by one formula.

#![allow(clippy::unwrap_used, reason = "the functions of a test file are tests too")]

mod formula;
mod memory;
mod networks;
mod optimiser;

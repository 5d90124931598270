//! What the sums of a window say: to trip, or how far from it they are.

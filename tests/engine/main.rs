//! Runs against a real container engine.

mod toolbox;

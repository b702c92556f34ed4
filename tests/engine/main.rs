//! Runs against a real container engine.

//! A slot's root filesystem as values: a tree that streams out of a tar archive, what is mended in it, and what is
//! found in it.

pub mod tree;

//! Manifests in editors: the schema in yaml-language-server, `osimg lsp` driven by a client library and by Neovim.
//!
//! Needs Node.js, Neovim and the packages of `package-lock.json` in `target/editor`: `scripts/test editor` sees to it.

mod client;
mod neovim;
mod osimg_lsp;
mod yaml_language_server;

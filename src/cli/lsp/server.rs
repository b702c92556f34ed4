//! The conversation: from `initialize` to `exit`, a message at a time.
//!
//! Findings are made when no message has come for a moment, so that a burst of keys is checked once; a request first
//! brings them up to date, so that every answer is about the text that the editor has. Requests are answered in order,
//! each before the next is read: a cancellation always comes too late, which the protocol allows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gen_lsp_types::{
    CodeAction, CodeActionKind, CodeActionOptions, CodeActionParams, CompletionOptions, CompletionParams,
    DefinitionParams, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DocumentSymbolParams, HoverParams, InitializeParams, InitializeResult, MarkupKind,
    PublishDiagnosticsParams, ServerCapabilities, ServerInfo, TextDocumentPositionParams,
    TextDocumentSyncKind, TextDocumentSyncOptions, Uri,
};
use lsp_server::{Connection, ErrorCode, Message, Notification, ProtocolError, Request, RequestId, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::documents::{self, Documents};
use super::findings::{self, ByFile, Shown};
use super::lines::Encoding;
use super::manifest::{Manifest, is_manifest};
use super::{actions, completion, definition, hover, symbols};

/// How long no message must have come before findings are made.
const QUIET: Duration = Duration::from_millis(25);
/// How long findings wait at most.
const LATEST: Duration = Duration::from_millis(200);
/// Files whose changes on the disk can change findings, beside those that are open.
const WATCHED: &[&str] = &["**/*Dockerfile*", "**/*.dockerfile", "**/*.dockerignore", "**/.dockerignore"];

/// How the conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By `shutdown` and `exit`.
    AsAsked,
    /// By `exit` alone, or because the editor went away.
    Early,
}

/// What the editor can do.
struct Client {
    hover: MarkupKind,
    versioned_edits: bool,
    watches_files: bool,
}

pub struct Server<'c> {
    connection: &'c Connection,
    client: Client,
    strict: bool,
    documents: Documents,
    manifests: BTreeMap<PathBuf, Manifest>,
    shown: Shown,
    /// The manifests to read again, and until when at the latest.
    stale: BTreeSet<PathBuf>,
    latest: Option<Instant>,
    shut_down: bool,
}

/// Why a request has no answer.
type Refusal = (ErrorCode, String);

impl<'c> Server<'c> {
    /// Takes the editor's first request; `None` when there was none. `strict`: warnings are errors.
    pub fn start(connection: &'c Connection, strict: bool) -> Result<Option<Server<'c>>, ProtocolError> {
        let (id, params) = match connection.initialize_start() {
            Ok(first) => first,
            Err(error) if error.channel_is_disconnected() => return Ok(None),
            Err(error) => return Err(error),
        };
        let params: InitializeParams = match serde_json::from_value(params) {
            Ok(params) => params,
            Err(error) => {
                let response = Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string());
                let _ = connection.sender.send(response.into());
                return Ok(None);
            }
        };
        let (client, encoding) = client(&params);
        let result = InitializeResult {
            capabilities: capabilities(encoding),
            server_info: Some(ServerInfo::new("osimg".into(), Some(env!("CARGO_PKG_VERSION").into()))),
        };
        let server = Server {
            connection,
            client,
            strict,
            documents: Documents::new(encoding),
            manifests: BTreeMap::new(),
            shown: Shown::default(),
            stale: BTreeSet::new(),
            latest: None,
            shut_down: false,
        };
        server.send(Response::new_ok(id, result).into());
        Ok(Some(server))
    }

    /// Talks until the end.
    pub fn run(mut self) -> Result<Ended, ProtocolError> {
        loop {
            let message = match self.latest {
                None => self.connection.receiver.recv().ok(),
                Some(latest) => {
                    let deadline = latest.min(Instant::now() + QUIET);
                    match self.connection.receiver.recv_deadline(deadline) {
                        Ok(message) => Some(message),
                        Err(error) if error.is_timeout() => {
                            self.refresh();
                            continue;
                        }
                        Err(_) => None,
                    }
                }
            };
            match message {
                None => return Ok(Ended::Early),
                Some(Message::Notification(told)) if told.method == "exit" => {
                    return Ok(if self.shut_down { Ended::AsAsked } else { Ended::Early });
                }
                Some(Message::Notification(told)) => self.take(told),
                Some(Message::Request(asked)) => self.answer(asked),
                // the only request of ours is to watch files; an editor that will not, does not
                Some(Message::Response(_)) => {}
            }
        }
    }

    /// A reader that went away ends the conversation at the next receive.
    fn send(&self, message: Message) {
        let _ = self.connection.sender.send(message);
    }

    fn take(&mut self, told: Notification) {
        match told.method.as_str() {
            "initialized" if self.client.watches_files => self.watch(),
            "textDocument/didOpen" => {
                if let Some(params) = read::<DidOpenTextDocumentParams>(told.params)
                    && let Some(path) = self.documents.open(params.text_document)
                {
                    self.changed(&path);
                }
            }
            "textDocument/didChange" => {
                if let Some(params) = read::<DidChangeTextDocumentParams>(told.params) {
                    let document = params.text_document;
                    let uri = document.text_document_identifier.uri;
                    let changes = params.content_changes;
                    if let Some(path) = self.documents.change(&uri, document.version, changes) {
                        self.changed(&path);
                    }
                }
            }
            "textDocument/didClose" => {
                if let Some(params) = read::<DidCloseTextDocumentParams>(told.params)
                    && let Some(path) = self.documents.close(&params.text_document.uri)
                {
                    self.closed(&path, &params.text_document.uri);
                }
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => self.all_stale(),
            _ => {}
        }
    }

    /// A file has another text now.
    fn changed(&mut self, path: &Path) {
        let is_new = !self.manifests.contains_key(path)
            && self.documents.get(path).is_some_and(|document| is_manifest(path, document));
        if is_new || self.manifests.contains_key(path) {
            self.mark([path.to_path_buf()]);
        } else {
            // it may be a Dockerfile of any of them
            self.all_stale();
        }
    }

    fn closed(&mut self, path: &Path, uri: &Uri) {
        self.stale.remove(path);
        if self.manifests.remove(path).is_some() {
            let cleared = self.shown.forget(path);
            self.publish(cleared, Some((path, uri)));
        }
        // what the disk has counts again
        self.all_stale();
    }

    fn all_stale(&mut self) {
        let all: Vec<PathBuf> = self.manifests.keys().cloned().collect();
        self.mark(all);
    }

    fn mark(&mut self, manifests: impl IntoIterator<Item = PathBuf>) {
        self.stale.extend(manifests);
        if !self.stale.is_empty() {
            self.latest.get_or_insert_with(|| Instant::now() + LATEST);
        }
    }

    /// Reads what is stale and tells the editor.
    fn refresh(&mut self) {
        self.latest = None;
        for path in std::mem::take(&mut self.stale) {
            let Some(document) = self.documents.get(&path) else { continue };
            let manifest = Manifest::read(&path, document, &self.documents, self.strict);
            let changes = self.shown.replace(&path, findings::by_file(&manifest, &self.documents));
            self.manifests.insert(path, manifest);
            self.publish(changes, None);
        }
    }

    /// `closed` is no longer among the open files, but the editor still knows it by this name.
    fn publish(&self, changes: ByFile, closed: Option<(&Path, &Uri)>) {
        for (path, diagnostics) in changes {
            let uri = match closed {
                Some((file, uri)) if file == path => Some(uri.clone()),
                _ => self.documents.uri(&path),
            };
            let Some(uri) = uri else { continue };
            let version = self.documents.get(&path).map(|document| document.version);
            let params = PublishDiagnosticsParams { uri, version, diagnostics };
            self.send(Notification::new("textDocument/publishDiagnostics".into(), params).into());
        }
    }

    fn watch(&self) {
        let watchers: Vec<Value> = WATCHED.iter().map(|glob| json!({ "globPattern": glob })).collect();
        let registration = json!({
            "id": "dockerfiles",
            "method": "workspace/didChangeWatchedFiles",
            "registerOptions": { "watchers": watchers },
        });
        let params = json!({ "registrations": [registration] });
        let id = RequestId::from("watch".to_string());
        self.send(Request::new(id, "client/registerCapability".into(), params).into());
    }

    fn answer(&mut self, asked: Request) {
        let id = asked.id.clone();
        let response = match self.result(asked) {
            Ok(result) => Response::new_ok(id, result),
            Err((code, message)) => Response::new_err(id, code as i32, message),
        };
        self.send(response.into());
    }

    fn result(&mut self, asked: Request) -> Result<Value, Refusal> {
        if self.shut_down {
            return Err((ErrorCode::InvalidRequest, "the server is shut down".into()));
        }
        self.refresh();
        let params = asked.params;
        match asked.method.as_str() {
            "shutdown" => {
                self.shut_down = true;
                Ok(Value::Null)
            }
            "textDocument/hover" => {
                let params: HoverParams = params_of(params)?;
                self.at(&params.text_document_position_params, |server, _, manifest, at| {
                    let kind = server.client.hover.clone();
                    hover::hover(manifest, at, server.documents.encoding, kind)
                })
            }
            "textDocument/definition" => {
                let params: DefinitionParams = params_of(params)?;
                self.at(&params.text_document_position_params, |server, path, manifest, at| {
                    definition::definition(manifest, path, at, &server.documents)
                })
            }
            "textDocument/completion" => {
                let params: CompletionParams = params_of(params)?;
                self.at(&params.text_document_position_params, |server, _, manifest, at| {
                    completion::complete(manifest, at, server.documents.encoding)
                })
            }
            "textDocument/documentSymbol" => {
                let params: DocumentSymbolParams = params_of(params)?;
                let path = documents::path(&params.text_document.uri);
                let manifest = path.and_then(|path| self.manifests.get(&path));
                answer(manifest.map(|manifest| symbols::symbols(manifest, self.documents.encoding)))
            }
            "textDocument/codeAction" => self.actions(&params_of(params)?),
            other => Err((ErrorCode::MethodNotFound, format!("osimg does not know `{other}`"))),
        }
    }

    /// What `look` finds at a place of a manifest; nothing in any other file.
    fn at<T: Serialize>(
        &self,
        place: &TextDocumentPositionParams,
        look: impl Fn(&Self, &Path, &Manifest, gen_lsp_types::Position) -> T,
    ) -> Result<Value, Refusal> {
        let path = documents::path(&place.text_document.uri);
        let found = path.as_ref().and_then(|path| Some((path, self.manifests.get(path)?)));
        answer(found.map(|(path, manifest)| look(self, path, manifest, place.position)))
    }

    fn actions(&self, params: &CodeActionParams) -> Result<Value, Refusal> {
        let wanted = match &params.context.only {
            Some(only) => {
                only.iter().any(|kind| *kind == CodeActionKind::QuickFix || *kind == CodeActionKind::Empty)
            }
            None => true,
        };
        let Some(path) = documents::path(&params.text_document.uri).filter(|_| wanted) else {
            return Ok(Value::Null);
        };
        let versioned = self.client.versioned_edits;
        // a Dockerfile's fixes belong to the manifests that name it, and two of them offer the same
        let mut offered: Vec<CodeAction> = Vec::new();
        for manifest in self.manifests.values() {
            for fix in actions::fixes(manifest, &self.documents, &path, params.range, versioned) {
                if !offered.iter().any(|known| known.title == fix.title && known.edit == fix.edit) {
                    offered.push(fix);
                }
            }
        }
        answer(Some(offered))
    }
}

/// What a notification says. There is no answer to a malformed one.
fn read<T: DeserializeOwned>(params: Value) -> Option<T> {
    serde_json::from_value(params).ok()
}

fn params_of<T: DeserializeOwned>(params: Value) -> Result<T, Refusal> {
    serde_json::from_value(params).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}

fn answer<T: Serialize>(result: Option<T>) -> Result<Value, Refusal> {
    serde_json::to_value(result).map_err(|error| (ErrorCode::InternalError, error.to_string()))
}

fn client(params: &InitializeParams) -> (Client, Encoding) {
    let capabilities = &params.capabilities;
    let offered = capabilities.general.as_ref().and_then(|g| g.position_encodings.as_deref());
    let hover = capabilities.text_document.as_ref().and_then(|t| t.hover.as_ref());
    let formats = hover.and_then(|h| h.content_format.as_deref()).unwrap_or_default();
    let workspace = capabilities.workspace.as_ref();
    let edits = workspace.and_then(|w| w.workspace_edit.as_ref());
    let watched = workspace.and_then(|w| w.did_change_watched_files.as_ref());
    let client = Client {
        hover: match formats.contains(&MarkupKind::Markdown) {
            true => MarkupKind::Markdown,
            false => MarkupKind::PlainText,
        },
        versioned_edits: edits.and_then(|e| e.document_changes).unwrap_or(false),
        watches_files: watched.and_then(|w| w.dynamic_registration).unwrap_or(false),
    };
    (client, Encoding::choose(offered))
}

fn capabilities(encoding: Encoding) -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::Incremental),
        save: Some(true.into()),
        ..TextDocumentSyncOptions::default()
    };
    let actions = CodeActionOptions {
        code_action_kinds: Some(vec![CodeActionKind::QuickFix]),
        ..CodeActionOptions::default()
    };
    let completion =
        CompletionOptions { trigger_characters: Some(vec![" ".to_string()]), ..CompletionOptions::default() };
    ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(sync.into()),
        hover_provider: Some(true.into()),
        definition_provider: Some(true.into()),
        document_symbol_provider: Some(true.into()),
        code_action_provider: Some(actions.into()),
        completion_provider: Some(completion),
        ..ServerCapabilities::default()
    }
}

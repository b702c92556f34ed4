//! An editor without a screen: async-lsp's client side drives a language server over its standard streams, and a folder
//! of files is the project.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_lsp::lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, Exit, Initialized, Notification,
    PublishDiagnostics,
};
use async_lsp::lsp_types::request::{
    Completion, HoverRequest, Initialize, RegisterCapability, Request, Shutdown, WorkspaceConfiguration,
};
use async_lsp::lsp_types::{
    CompletionItem, CompletionResponse, Diagnostic, HoverContents, InitializeResult,
    PublishDiagnosticsParams, RegistrationParams, Url,
};
use async_lsp::router::Router;
use async_lsp::{MainLoop, ServerSocket};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

/// Far more than any answer takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server told without being asked: per file its latest findings.
type Told = BTreeMap<Url, PublishDiagnosticsParams>;

struct Stop;

pub struct Editor {
    pub folder: TempDir,
    pub server: ServerSocket,
    pub initialized: InitializeResult,
    told: watch::Receiver<Told>,
    registered: watch::Receiver<Vec<RegistrationParams>>,
    child: Child,
    conversation: tokio::task::JoinHandle<async_lsp::Result<()>>,
    versions: BTreeMap<Url, (i32, String)>,
}

impl Editor {
    /// Starts `command` as a language server for an empty folder; `settings` answer its questions.
    pub async fn start(command: Command, settings: Value) -> Editor {
        Editor::start_with(command, settings, json!(["utf-16"])).await
    }

    pub async fn start_with(mut command: Command, settings: Value, encodings: Value) -> Editor {
        // patterns of file names match no hidden folder, which is what the crate makes by itself
        let folder = tempfile::Builder::new().prefix("osimg").tempdir().expect("a temporary folder");
        let (tell, told) = watch::channel(Told::new());
        let (register, registered) = watch::channel(Vec::new());
        let (conversation, server) = MainLoop::new_client(|_| {
            let mut router = Router::new(());
            router
                .notification::<PublishDiagnostics>(move |(), params| {
                    tell.send_modify(|told| {
                        told.insert(params.uri.clone(), params);
                    });
                    ControlFlow::Continue(())
                })
                .request::<RegisterCapability, _>(move |(), params| {
                    register.send_modify(|all| all.push(params));
                    async { Ok(()) }
                })
                .request::<WorkspaceConfiguration, _>(move |(), params| {
                    let of =
                        |section: &Option<String>| settings[section.as_deref().unwrap_or_default()].clone();
                    let answers = params.items.iter().map(|item| of(&item.section)).collect();
                    async { Ok(answers) }
                })
                .unhandled_notification(|(), _| ControlFlow::Continue(()))
                .event(|(), _: Stop| ControlFlow::Break(Ok(())));
            router
        });
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir(folder.path()).kill_on_drop(true);
        let mut child = command.spawn().expect("the server starts");
        let out = child.stdout.take().expect("its output is piped").compat();
        let input = child.stdin.take().expect("its input is piped").compat_write();
        let conversation = tokio::spawn(conversation.run_buffered(out, input));
        let root = Url::from_file_path(folder.path()).expect("an absolute path");
        let params = json!({
            "processId": std::process::id(),
            "rootUri": root,
            "workspaceFolders": [{ "uri": root, "name": "project" }],
            "capabilities": {
                "general": { "positionEncodings": encodings },
                "textDocument": {
                    "hover": { "contentFormat": ["markdown", "plaintext"] },
                    "completion": { "completionItem": { "snippetSupport": true, "documentationFormat": ["markdown"] } },
                    "publishDiagnostics": { "relatedInformation": true, "versionSupport": true },
                    "codeAction": { "codeActionLiteralSupport": { "codeActionKind": { "valueSet": ["quickfix"] } } },
                    "documentSymbol": { "hierarchicalDocumentSymbolSupport": true },
                },
                "workspace": {
                    "configuration": true,
                    "workspaceFolders": true,
                    "didChangeConfiguration": { "dynamicRegistration": true },
                    "didChangeWatchedFiles": { "dynamicRegistration": true },
                    "workspaceEdit": { "documentChanges": true },
                },
            },
        });
        let params = serde_json::from_value(params).expect("the parameters of initialize");
        let initialized = server.request::<Initialize>(params);
        let initialized =
            tokio::time::timeout(PATIENCE, initialized).await.expect("an answer").expect("a welcome");
        server
            .notify::<Initialized>(serde_json::from_value(json!({})).expect("nothing"))
            .expect("it listens");
        let versions = BTreeMap::new();
        Editor { folder, server, initialized, told, registered, child, conversation, versions }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn uri(&self, name: &str) -> Url {
        Url::from_file_path(self.path(name)).expect("an absolute path")
    }

    /// Puts a file on the disk.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        std::fs::write(path, text).expect("the file can be written");
    }

    pub fn notify<N: Notification>(&self, params: Value) {
        let params = serde_json::from_value(params).expect("parameters of the notification");
        self.server.notify::<N>(params).expect("it listens");
    }

    pub async fn ask<R: Request>(&self, params: Value) -> R::Result {
        let params = serde_json::from_value(params).expect("parameters of the request");
        let answer = tokio::time::timeout(PATIENCE, self.server.request::<R>(params)).await;
        answer.expect("an answer in time").expect("no error")
    }

    /// Opens a file with this text, saved or not.
    pub fn open(&mut self, name: &str, language: &str, text: &str) {
        let uri = self.uri(name);
        self.versions.insert(uri.clone(), (1, text.to_string()));
        let document = json!({ "uri": uri, "languageId": language, "version": 1, "text": text });
        self.notify::<DidOpenTextDocument>(json!({ "textDocument": document }));
    }

    /// Replaces one occurrence of `words`, as typing would.
    pub fn edit(&mut self, name: &str, words: &str, by: &str) {
        let uri = self.uri(name);
        let (version, text) = self.versions.get_mut(&uri).expect("the file is open");
        let at = text.find(words).unwrap_or_else(|| panic!("no {words:?} in {text}"));
        let range = json!({ "start": position(text, at), "end": position(text, at + words.len()) });
        text.replace_range(at..at + words.len(), by);
        *version += 1;
        let params = json!({
            "textDocument": { "uri": uri, "version": *version },
            "contentChanges": [{ "range": range, "text": by }],
        });
        self.notify::<DidChangeTextDocument>(params);
    }

    pub fn close(&mut self, name: &str) {
        let uri = self.uri(name);
        self.versions.remove(&uri);
        self.notify::<DidCloseTextDocument>(json!({ "textDocument": { "uri": uri } }));
    }

    pub fn text(&self, name: &str) -> &str {
        &self.versions[&self.uri(name)].1
    }

    pub fn version(&self, name: &str) -> i32 {
        self.versions[&self.uri(name)].0
    }

    /// Where `words` begin, `into` bytes further, as the parameters of most requests have it.
    pub fn place(&self, name: &str, words: &str, into: usize) -> Value {
        let text = self.text(name);
        let at = text.find(words).unwrap_or_else(|| panic!("no {words:?} in {text}")) + into;
        json!({ "textDocument": { "uri": self.uri(name) }, "position": position(text, at) })
    }

    /// The findings of a file, as soon as they are as `wanted`.
    pub async fn findings(&mut self, name: &str, wanted: impl Fn(&[Diagnostic]) -> bool) -> Vec<Diagnostic> {
        let uri = self.uri(name);
        let fits = |told: &Told| told.get(&uri).is_some_and(|params| wanted(&params.diagnostics));
        let waited = tokio::time::timeout(PATIENCE, self.told.wait_for(fits))
            .await
            .map(|told| told.expect("the server is there")[&uri].diagnostics.clone());
        waited.unwrap_or_else(|_| panic!("not as wanted: {:#?}", self.told.borrow().get(&uri)))
    }

    /// The findings of a file, from a server that does not say for which version they are.
    pub async fn findings_of(&mut self, name: &str) -> Vec<Diagnostic> {
        self.findings(name, |_| true).await
    }

    /// The findings of a file for the text that it has now.
    pub async fn findings_now(&mut self, name: &str) -> Vec<Diagnostic> {
        let (uri, version) = (self.uri(name), self.version(name));
        let fits = |told: &Told| told.get(&uri).is_some_and(|params| params.version == Some(version));
        let waited = tokio::time::timeout(PATIENCE, self.told.wait_for(fits))
            .await
            .map(|told| told.expect("the server is there")[&uri].diagnostics.clone());
        waited
            .unwrap_or_else(|_| panic!("nothing for version {version}: {:#?}", self.told.borrow().get(&uri)))
    }

    pub async fn registered(&mut self) -> Vec<RegistrationParams> {
        let waited = tokio::time::timeout(PATIENCE, self.registered.wait_for(|all| !all.is_empty())).await;
        waited.expect("a registration in time").expect("the server is there").clone()
    }

    /// The text of the hover box.
    pub async fn hover(&self, place: Value) -> String {
        match self.ask::<HoverRequest>(place).await.map(|hover| hover.contents) {
            Some(HoverContents::Markup(markup)) => markup.value,
            None => String::new(),
            Some(other) => panic!("an old kind of hover: {other:?}"),
        }
    }

    pub async fn complete(&self, place: Value) -> Vec<CompletionItem> {
        match self.ask::<Completion>(place).await {
            Some(CompletionResponse::Array(items)) => items,
            Some(CompletionResponse::List(list)) => list.items,
            None => Vec::new(),
        }
    }

    /// Ends the conversation as the protocol wants it.
    pub async fn quit(mut self) -> ExitStatus {
        self.ask::<Shutdown>(Value::Null).await;
        self.server.notify::<Exit>(()).expect("it listens");
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        // the conversation may have seen the end of the stream first
        let _ = self.server.emit(Stop);
        let _ = self.conversation.await;
        status.expect("it ends in time").expect("its status")
    }
}

/// A byte offset as the protocol counts by default: lines, and UTF-16 units in the line.
pub fn position(text: &str, at: usize) -> Value {
    let line = text[..at].matches('\n').count();
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    json!({ "line": line, "character": text[start..at].encode_utf16().count() })
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The labels of what completion offers.
pub fn labels(items: &[CompletionItem]) -> Vec<&str> {
    items.iter().map(|item| item.label.as_str()).collect()
}

/// First lines of findings.
pub fn messages(found: &[Diagnostic]) -> Vec<&str> {
    found.iter().map(|d| d.message.lines().next().unwrap_or_default()).collect()
}

//! `osimg lsp`, driven by a client library.

use std::process::Stdio;
use std::time::{Duration, Instant};

use async_lsp::lsp_types::notification::{
    DidChangeTextDocument, DidChangeWatchedFiles, DidOpenTextDocument, DidSaveTextDocument,
};
use async_lsp::lsp_types::request::{
    CodeActionRequest, DocumentSymbolRequest, GotoDefinition, HoverRequest, Rename, Shutdown,
};
use async_lsp::lsp_types::{
    CodeAction, CodeActionOrCommand, Diagnostic, DiagnosticSeverity, DocumentChanges, DocumentSymbolResponse,
    GotoDefinitionResponse, Location, NumberOrString, OneOf, TextEdit, Url,
};
use async_lsp::{Error, ErrorCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::client::{Editor, labels, messages};

const GOOD: &str = "\
version: 1
name: test
boot:
  default: two
defaults:
  dracut:
    drivers:
      - virtio_blk # the disk
      - ext4
slots:
  - name: one
    title: é😀
    dockerfile: one/Dockerfile
    target: Final
  - name: two
    dockerfile: one/Dockerfile
    files:
      - {path: /etc/motd, source: motd}
";
const DOCKERFILE: &str = "FROM debian AS first\nFROM first AS final\n";

fn lsp() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osimg"));
    command.arg("lsp").env_clear();
    command
}

async fn editor() -> Editor {
    let editor = Editor::start(lsp(), Value::Null).await;
    editor.write("one/Dockerfile", DOCKERFILE);
    editor.write("motd", "hello\n");
    editor
}

async fn definitions(editor: &Editor, place: Value) -> Vec<Location> {
    match editor.ask::<GotoDefinition>(place).await {
        Some(GotoDefinitionResponse::Array(all)) => all,
        Some(GotoDefinitionResponse::Scalar(one)) => vec![one],
        Some(other) => panic!("links: {other:?}"),
        None => Vec::new(),
    }
}

async fn fixes(editor: &Editor, name: &str, words: &str) -> Vec<CodeAction> {
    let place = editor.place(name, words, 1);
    let range = json!({ "start": place["position"], "end": place["position"] });
    let params =
        json!({ "textDocument": place["textDocument"], "range": range, "context": { "diagnostics": [] } });
    let offered = editor.ask::<CodeActionRequest>(params).await.unwrap_or_default();
    offered
        .into_iter()
        .map(|action| match action {
            CodeActionOrCommand::CodeAction(action) => action,
            CodeActionOrCommand::Command(command) => panic!("a command: {command:?}"),
        })
        .collect()
}

/// Applies a fix to an open file as an editor does, and says the words it put there.
fn apply(editor: &mut Editor, name: &str, fix: &CodeAction) -> String {
    let Some(DocumentChanges::Edits(documents)) = fix.edit.as_ref().and_then(|e| e.document_changes.clone())
    else {
        panic!("no edits: {fix:?}")
    };
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0].text_document.uri, editor.uri(name));
    assert_eq!(documents[0].text_document.version, Some(editor.version(name)));
    let [OneOf::Left(TextEdit { range, new_text })] = documents[0].edits.as_slice() else {
        panic!("one edit: {documents:?}")
    };
    let lines: Vec<&str> = editor.text(name).split_inclusive('\n').collect();
    let at = |line: u32, character: u32| {
        let before: usize = lines[..line as usize].iter().map(|l| l.len()).sum();
        // the edited lines of these tests are ASCII
        before + character as usize
    };
    let (start, end) = (at(range.start.line, range.start.character), at(range.end.line, range.end.character));
    // an edit by words: those before the place make it unique
    let text = editor.text(name).to_string();
    let before = &text[..start];
    let by = format!("{before}{new_text}");
    editor.edit(name, &text[..end], &by);
    new_text.clone()
}

#[tokio::test]
async fn findings_come_as_you_type_and_a_quick_fix_mends_them() {
    let mut editor = editor().await;
    editor.open("m.yaml", "yaml", GOOD);
    assert_eq!(messages(&editor.findings_now("m.yaml").await), [""; 0]);

    editor.edit("m.yaml", "default: two", "default: tow");
    let found = editor.findings_now("m.yaml").await;
    assert_eq!(messages(&found), ["no slot is called `tow`"]);
    assert_eq!(found[0].severity, Some(DiagnosticSeverity::ERROR));
    assert_eq!(found[0].code, Some(NumberOrString::String("osimg::boot::default-unknown".into())));
    assert_eq!((found[0].source.as_deref(), &found[0].code_description), (Some("osimg"), &None));
    assert!(found[0].message.ends_with("\nhelp: did you mean `two`?"), "{}", found[0].message);
    let place = editor.place("m.yaml", "tow", 0);
    assert_eq!(json!(found[0].range.start), place["position"]);

    let offered = fixes(&editor, "m.yaml", "tow").await;
    assert_eq!(offered.iter().map(|f| f.title.as_str()).collect::<Vec<_>>(), ["write `two`"]);
    assert_eq!(offered[0].diagnostics.as_deref(), Some(&found[..]));
    apply(&mut editor, "m.yaml", &offered[0]);
    assert_eq!(editor.text("m.yaml"), GOOD);
    assert_eq!(messages(&editor.findings_now("m.yaml").await), [""; 0]);

    editor.edit("m.yaml", "    title:", "    titel:");
    assert_eq!(messages(&editor.findings_now("m.yaml").await), ["`slots[0]` has no field `titel`"]);
    let offered = fixes(&editor, "m.yaml", "titel").await;
    apply(&mut editor, "m.yaml", &offered[0]);
    assert_eq!(editor.text("m.yaml"), GOOD);
    assert_eq!(messages(&editor.findings_now("m.yaml").await), [""; 0]);
    assert!(editor.quit().await.success());
}

#[tokio::test]
async fn a_missing_driver_is_added_to_the_list_as_it_is_written() {
    let mut editor = editor().await;
    let text = GOOD.replace("  - name: two\n", "  - name: two\n    filesystem: {type: xfs}\n");
    editor.open("m.yaml", "yaml", &text);
    let found = editor.findings_now("m.yaml").await;
    let missing = found
        .iter()
        .find(|d| d.message.starts_with("the initramfs of `two` could not mount its root"))
        .unwrap_or_else(|| panic!("{found:#?}"));
    let related = missing.related_information.as_ref().expect("where the filesystem is");
    assert_eq!(related[0].message, "the root is xfs");
    assert_eq!(related[0].location.uri, editor.uri("m.yaml"));
    let offered = fixes(&editor, "m.yaml", "virtio_blk").await;
    assert_eq!(
        offered.iter().map(|f| f.title.as_str()).collect::<Vec<_>>(),
        ["add `xfs` to `dracut.drivers`"]
    );
    apply(&mut editor, "m.yaml", &offered[0]);
    assert!(editor.text("m.yaml").contains("      - ext4\n      - xfs\nslots:"), "{}", editor.text("m.yaml"));
    let found = editor.findings_now("m.yaml").await;
    assert!(found.iter().all(|d| d.severity == Some(DiagnosticSeverity::WARNING)), "{found:#?}");
    assert!(editor.quit().await.success());
}

#[tokio::test]
async fn hover_definitions_completion_and_outline() {
    let mut editor = editor().await;
    editor.open("m.yaml", "yaml", GOOD);

    let hover = editor.hover(editor.place("m.yaml", "virtio_blk", 3)).await;
    assert!(hover.starts_with("**`drivers`**\n\nKernel modules to add"), "{hover}");
    assert!(hover.contains("virtio_scsi"), "{hover}");
    let on_key = editor.ask::<HoverRequest>(editor.place("m.yaml", "title", 1)).await.expect("a box");
    assert_eq!(json!(on_key.range.expect("a range").start), editor.place("m.yaml", "title", 0)["position"]);

    let slot = definitions(&editor, editor.place("m.yaml", "default: two", 10)).await;
    assert_eq!(slot.len(), 1);
    assert_eq!(json!(slot[0].range.start), editor.place("m.yaml", "name: two", 6)["position"]);
    let file = definitions(&editor, editor.place("m.yaml", "one/Dockerfile", 4)).await;
    assert_eq!(file[0].uri, editor.uri("one/Dockerfile"));
    let source = definitions(&editor, editor.place("m.yaml", "source: motd", 9)).await;
    assert_eq!(source[0].uri, editor.uri("motd"));
    let stage = definitions(&editor, editor.place("m.yaml", "Final", 0)).await;
    assert_eq!(stage[0].uri, editor.uri("one/Dockerfile"));
    assert_eq!(
        json!(stage[0].range),
        json!({ "start": { "line": 1, "character": 14 }, "end": { "line": 1, "character": 19 } })
    );
    assert_eq!(definitions(&editor, editor.place("m.yaml", "virtio_blk", 0)).await, []);

    editor.edit("m.yaml", "default: two", "default: ");
    let slots = editor.complete(editor.place("m.yaml", "default: ", 9)).await;
    assert_eq!(labels(&slots), ["one", "two"]);
    assert_eq!(slots[0].detail.as_deref(), Some("é😀"));
    assert_eq!(labels(&editor.complete(editor.place("m.yaml", "version: 1", 9)).await), [""; 0]);

    let outline = json!({ "textDocument": { "uri": editor.uri("m.yaml") } });
    let Some(DocumentSymbolResponse::Nested(parts)) = editor.ask::<DocumentSymbolRequest>(outline).await
    else {
        panic!("no nested symbols")
    };
    let names: Vec<&str> = parts.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["version", "name", "boot", "defaults", "slots"]);
    let slots = parts[4].children.as_ref().expect("slots");
    assert_eq!(slots.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert!(editor.quit().await.success());
}

#[tokio::test]
async fn an_unsaved_dockerfile_counts_and_the_saved_one_again_when_it_is_closed() {
    let mut editor = editor().await;
    editor.open("m.yaml", "yaml", GOOD);
    assert_eq!(messages(&editor.findings_now("m.yaml").await), [""; 0]);

    editor.open("one/Dockerfile", "dockerfile", DOCKERFILE);
    editor.edit("one/Dockerfile", "AS final", "AS finale");
    let found = editor.findings("m.yaml", |found| !found.is_empty()).await;
    assert!(found[0].message.contains("has no stage `Final`"), "{found:#?}");
    // the edit is not on the disk, so a definition must come from the open text too
    editor.edit("one/Dockerfile", "FROM debian", "# a line more\nFROM debian");
    editor.edit("one/Dockerfile", "AS finale", "AS final");
    editor.findings("m.yaml", <[_]>::is_empty).await;
    let stage = definitions(&editor, editor.place("m.yaml", "Final", 0)).await;
    assert_eq!(stage[0].range.start.line, 2);

    editor.edit("one/Dockerfile", "AS final", "AS finale");
    editor.findings("m.yaml", |found| !found.is_empty()).await;
    editor.close("one/Dockerfile");
    editor.findings("m.yaml", <[_]>::is_empty).await;

    // changed by another program: the editor says so, as it was asked to
    let globs = json!(editor.registered().await);
    assert!(globs.to_string().contains("**/*Dockerfile*"), "{globs}");
    editor.write("one/Dockerfile", "FROM debian AS other\n");
    let changed = json!({ "changes": [{ "uri": editor.uri("one/Dockerfile"), "type": 2 }] });
    editor.notify::<DidChangeWatchedFiles>(changed);
    editor.findings("m.yaml", |found| !found.is_empty()).await;
    editor.write("one/Dockerfile", DOCKERFILE);
    editor.notify::<DidSaveTextDocument>(json!({ "textDocument": { "uri": editor.uri("m.yaml") } }));
    editor.findings("m.yaml", <[_]>::is_empty).await;

    editor.edit("m.yaml", "name: two", "name: three");
    editor.findings("m.yaml", |found| !found.is_empty()).await;
    editor.close("m.yaml");
    editor.findings("m.yaml", <[_]>::is_empty).await;
    assert!(editor.quit().await.success());
}

#[tokio::test]
async fn what_is_wrong_in_a_dockerfile_is_shown_there_and_taken_back() {
    let mut editor = editor().await;
    editor.write("one/Dockerfile", &DOCKERFILE.replace("FROM first", "FORM first"));
    editor.open("m.yaml", "yaml", GOOD);
    // not open: the file on the disk counts
    let found = editor.findings("one/Dockerfile", |found| !found.is_empty()).await;
    let slip = found.iter().find(|d| d.message.contains("FORM")).unwrap_or_else(|| panic!("{found:#?}"));
    assert_eq!(
        json!(slip.range),
        json!({ "start": { "line": 1, "character": 0 }, "end": { "line": 1, "character": 4 } })
    );
    // a second manifest finds the same: it is said once
    editor.open("n.osimg.yaml", "yaml", GOOD);
    let places = |found: &[Diagnostic]| found[0].related_information.as_ref().map_or(0, Vec::len);
    let both = editor.findings("one/Dockerfile", |found| places(found) == 2).await;
    assert_eq!(messages(&both), messages(&found));

    editor.open("one/Dockerfile", "dockerfile", &DOCKERFILE.replace("FROM first", "FORM first"));
    let offered = fixes(&editor, "one/Dockerfile", "FORM").await;
    assert_eq!(offered.iter().map(|f| f.title.as_str()).collect::<Vec<_>>(), ["write `FROM`"]);
    assert_eq!(apply(&mut editor, "one/Dockerfile", &offered[0]), "FROM");
    assert_eq!(editor.text("one/Dockerfile"), DOCKERFILE);
    editor.findings("one/Dockerfile", <[_]>::is_empty).await;
    assert!(editor.quit().await.success());
}

#[tokio::test]
async fn other_yaml_is_left_alone_and_a_manifest_stays_one() {
    let mut editor = editor().await;
    editor.open("compose.yaml", "yaml", "version: '3'\nservices: {slots: 1}\n");
    editor.open("new.osimg.yaml", "yaml", "");
    editor.open("m.yaml", "yaml", GOOD);
    assert_eq!(messages(&editor.findings_now("new.osimg.yaml").await), ["the manifest is empty"]);
    editor.findings_now("m.yaml").await;
    editor.edit("m.yaml", "slots:", "slot:");
    assert!(messages(&editor.findings_now("m.yaml").await).contains(&"a manifest has no field `slot`"));
    assert_eq!(editor.hover(editor.place("compose.yaml", "version", 1)).await, "");
    let silent =
        tokio::time::timeout(Duration::from_millis(300), editor.findings("compose.yaml", |_| true)).await;
    assert!(silent.is_err(), "{silent:#?}");
    assert!(editor.quit().await.success());
}

#[tokio::test]
async fn broken_text_and_unknown_requests_are_answered() {
    let mut editor = editor().await;
    editor.open("m.yaml", "yaml", GOOD);
    for broken in [
        "a: [",
        "\t- :",
        "&a *a",
        "\u{feff}{",
        "- ? :\n  !!x",
        "slots: *x",
        "\"",
        "",
        "é: |\n\t",
        "---\n---\n",
    ] {
        let before = editor.text("m.yaml").to_string();
        editor.edit("m.yaml", &before.clone(), broken);
        assert!(!editor.findings_now("m.yaml").await.is_empty(), "{broken:?}");
        for offset in 0..=broken.len() {
            if broken.is_char_boundary(offset) {
                let place = json!({ "textDocument": { "uri": editor.uri("m.yaml") }, "position": { "line": 0, "character": offset } });
                editor.hover(place.clone()).await;
                definitions(&editor, place.clone()).await;
                editor.complete(place).await;
            }
        }
        // an empty text has no words to replace
        if broken.is_empty() {
            editor.open("m.yaml", "yaml", "x");
        }
    }
    // a position that is not there means the end
    editor.hover(json!({ "textDocument": { "uri": editor.uri("m.yaml") }, "position": { "line": 99, "character": 99 } })).await;
    let unknown: Url = "untitled:Untitled-1".parse().expect("a URI");
    editor.notify::<DidOpenTextDocument>(
        json!({ "textDocument": { "uri": unknown, "languageId": "yaml", "version": 1, "text": GOOD } }),
    );
    editor.notify::<DidChangeTextDocument>(
        json!({ "textDocument": { "uri": unknown, "version": 2 }, "contentChanges": [{ "text": "" }] }),
    );
    let mut rename = editor.place("m.yaml", "---", 0);
    rename["newName"] = json!("x");
    let params = serde_json::from_value(rename).expect("parameters");
    match editor.server.request::<Rename>(params).await {
        Err(Error::Response(refusal)) => assert_eq!(refusal.code, ErrorCode::METHOD_NOT_FOUND),
        other => panic!("{other:?}"),
    }
    assert!(editor.quit().await.success());
}

#[tokio::test]
async fn after_shutdown_nothing_is_answered_but_exit() {
    let editor = editor().await;
    editor.ask::<Shutdown>(Value::Null).await;
    let params =
        json!({ "textDocument": { "uri": editor.uri("m.yaml") }, "position": { "line": 0, "character": 0 } });
    let params = serde_json::from_value(params).expect("parameters");
    match editor.server.request::<HoverRequest>(params).await {
        Err(Error::Response(refusal)) => assert_eq!(refusal.code, ErrorCode::INVALID_REQUEST),
        other => panic!("{other:?}"),
    }
    drop(editor);
}

/// What a server that is fed `input` writes, and its exit code.
async fn fed(input: &str) -> (String, Option<i32>) {
    let mut child = lsp()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).await.expect("it reads");
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().expect("piped").read_to_string(&mut out).await.expect("UTF-8");
    child.stderr.take().expect("piped").read_to_string(&mut err).await.expect("UTF-8");
    let status = child.wait().await.expect("it ends");
    assert!(!err.contains("panicked"), "{err}");
    (out, status.code())
}

fn framed(messages: &[Value]) -> String {
    let message = |value: &Value| {
        let text = value.to_string();
        format!("Content-Length: {}\r\n\r\n{text}", text.len())
    };
    messages.iter().map(message).collect()
}

#[tokio::test]
async fn every_end_of_the_conversation_has_its_exit_code() {
    let hello =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "capabilities": {} } });
    let bye = json!({ "jsonrpc": "2.0", "id": "x", "method": "shutdown" });
    let exit = json!({ "jsonrpc": "2.0", "method": "exit" });
    let cancel = json!({ "jsonrpc": "2.0", "method": "$/cancelRequest", "params": { "id": "x" } });
    let (out, code) = fed(&framed(&[hello.clone(), bye.clone(), cancel, exit.clone()])).await;
    assert_eq!(code, Some(0), "{out}");
    assert!(
        out.contains("\"positionEncoding\":\"utf-16\"") && out.contains("\"id\":\"x\",\"result\":null"),
        "{out}"
    );
    assert_eq!(fed(&framed(&[hello.clone(), exit.clone()])).await.1, Some(1));
    assert_eq!(fed(&framed(std::slice::from_ref(&hello))).await.1, Some(1));
    assert_eq!(fed(&framed(&[exit])).await.1, Some(1));
    assert_eq!(fed("").await.1, Some(1));
    assert_eq!(fed("nonsense\r\n\r\n").await.1, Some(1));
    assert_eq!(fed(&(framed(&[hello]) + "Content-Length: 3\r\n\r\n{x}")).await.1, Some(1));
}

#[tokio::test]
async fn denied_warnings_are_errors() {
    for (deny, severity) in [(false, DiagnosticSeverity::WARNING), (true, DiagnosticSeverity::ERROR)] {
        let mut command = lsp();
        if deny {
            command.args(["--deny", "warnings"]);
        }
        let mut editor = Editor::start(command, Value::Null).await;
        editor.write("one/Dockerfile", DOCKERFILE);
        editor.write("motd", "");
        editor.open(
            "m.yaml",
            "yaml",
            &GOOD.replace("slots:\n", "bases: [{name: b, bootstrap: {suite: sid}}]\nslots:\n"),
        );
        let found = editor.findings_now("m.yaml").await;
        assert_eq!(messages(&found).len(), 1, "{found:#?}");
        assert_eq!(found[0].severity, Some(severity));
        assert!(editor.quit().await.success());
    }
}

#[tokio::test]
async fn positions_count_what_was_agreed() {
    let mut editor = Editor::start_with(lsp(), Value::Null, json!(["utf-16", "utf-8"])).await;
    assert_eq!(json!(editor.initialized.capabilities.position_encoding), "utf-8");
    let text = GOOD.replace("title: é😀", "title: é😀 # ").replace("target: Final", "target: {é😀: x}");
    editor.write("one/Dockerfile", DOCKERFILE);
    editor.write("motd", "");
    editor.open("m.yaml", "yaml", &text);
    let found = editor.findings_now("m.yaml").await;
    let range = json!(found[0].range);
    assert_eq!(range["start"], json!({ "line": 13, "character": 12 }), "{found:#?}");
    assert_eq!(range["end"], json!({ "line": 13, "character": 12 + "{é😀: x}".len() }), "{found:#?}");
    assert!(editor.quit().await.success());
}

/// A manifest of `count` slots, all in one Dockerfile.
fn large(count: usize) -> String {
    let mut text = String::from("version: 1\nname: large\ndisk: {size: 900GiB, table: gpt}\nslots:\n");
    for slot in 0..count {
        text.push_str(&format!(
            "  - name: slot-{slot}\n    title: Slot number {slot}\n    dockerfile: one/Dockerfile\n    size: 4GiB\n    \
             kernel: {{args: [quiet, \"a={slot}\"]}}\n    dracut:\n      drivers: [virtio_blk, virtio_scsi, ext4]\n    \
             users:\n      - {{name: root, groups: [wheel]}}\n    files:\n      - {{path: /etc/motd, content: \"{slot}\"}}\n"
        ));
    }
    text
}

/// The time from a key to the findings, and from a request to its answer, on a manifest of 200 slots.
#[tokio::test]
async fn a_key_does_not_lag_on_200_slots() {
    let mut editor = editor().await;
    editor.open("m.yaml", "yaml", &large(200));
    editor.findings_now("m.yaml").await;
    let mut keys = Vec::new();
    let mut hovers = Vec::new();
    for round in 0..10 {
        let (from, to) =
            if round % 2 == 0 { ("number 100", "numbér 100") } else { ("numbér 100", "number 100") };
        editor.edit("m.yaml", from, to);
        let start = Instant::now();
        editor.findings_now("m.yaml").await;
        keys.push(start.elapsed());
        let start = Instant::now();
        editor.hover(editor.place("m.yaml", "name: slot-150", 1)).await;
        hovers.push(start.elapsed());
    }
    keys.sort();
    hovers.sort();
    println!("200 slots: findings after {:?}, hover after {:?} (medians)", keys[5], hovers[5]);
    // without optimisation, on a busy machine; the release build takes a tenth
    assert!(keys[5] < Duration::from_millis(1500), "{keys:?}");
    assert!(hovers[5] < Duration::from_millis(500), "{hovers:?}");
    assert!(editor.quit().await.success());
}

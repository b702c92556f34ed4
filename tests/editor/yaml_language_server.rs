//! The schema in yaml-language-server, which VS Code, JetBrains' plugin, Neovim and Helix use: its findings, hover
//! boxes and completions.

use async_lsp::lsp_types::CompletionItem;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::client::{Editor, labels, messages, root};

const GOOD: &str = "\
# yaml-language-server: $schema=schema/osimg.schema.json
version: 1
name: n
disk:
  table: mbr
boot:
  firmware: [bios]
slots:
  - name: one
    dockerfile: one/Dockerfile
    distro: debian
    dracut:
      drivers:
        - virtio_blk
";

/// The server, with the schema beside the project; `schemas` are its settings `yaml.schemas`.
async fn editor(schemas: Value) -> Editor {
    let script = root().join("target/editor/node_modules/yaml-language-server/bin/yaml-language-server");
    assert!(script.is_file(), "{} is not there: run `scripts/test editor`", script.display());
    let mut command = Command::new("node");
    command.arg(script).arg("--stdio");
    let yaml = json!({
        "validate": true, "hover": true, "completion": true, "schemas": schemas,
        // the catalog is on the network
        "schemaStore": { "enable": false, "url": "" },
    });
    let settings = json!({ "yaml": yaml, "http": {}, "[yaml]": {}, "editor": {}, "files": {} });
    let editor = Editor::start(command, settings).await;
    let schema = std::fs::read_to_string(std::env::var("SCHEMA").expect("x")).expect("the schema is there");
    editor.write("schema/osimg.schema.json", &schema);
    editor
}

async fn offered(editor: &mut Editor, words: &str, by: &str) -> Vec<CompletionItem> {
    let text = GOOD.replace(words, by);
    let at = text.find('§').expect("the cursor");
    editor.open("m.yaml", "yaml", &text.replace('§', ""));
    let text = text.replace('§', "");
    let items = editor.complete(json!({"textDocument": {"uri": editor.uri("m.yaml")}, "position": crate::client::position(&text, at)})).await;
    editor.close("m.yaml");
    items
}

#[tokio::test]
async fn explore() {
    let mut editor = editor(json!({})).await;
    editor.open("m.yaml", "yaml", GOOD);
    println!("{:#?}", messages(&editor.findings("m.yaml", |_| true).await));
    for w in [
        "table",
        "mbr",
        "drivers",
        "virtio",
        "distro",
        "disk",
        "boot",
        "firmware",
        "bios",
        "slots",
        "- name",
        "name: one",
        "dracut",
    ] {
        println!("-------- {w}\n{}", editor.hover(editor.place("m.yaml", w, 1)).await);
    }
    editor.close("m.yaml");
    for (words, by) in [
        ("table: mbr", "table: §"),
        ("firmware: [bios]", "firmware:\n    - §"),
        ("firmware: [bios]", "firmware: [§]"),
        ("- virtio_blk\n", "- §\n"),
        ("- virtio_blk\n", "- vi§\n"),
        ("\n        - virtio_blk\n", " [§]\n"),
        ("\n        - virtio_blk\n", "\n        §\n"),
        ("    distro: debian\n", "    packages:\n      - §\n"),
        ("    distro: debian\n", "    systemd:\n      enable:\n        - §\n"),
        ("    distro: debian\n", "    kernel:\n      version: §\n"),
        ("    distro: debian\n", "    filesystem:\n      §\n"),
        ("    distro: debian\n", "    filesystem: {type: §}\n"),
        ("    distro: debian\n", "    size: §\n"),
        ("boot:\n", "boot:\n  timeout: §\n"),
        ("  firmware: [bios]\n", "  consoles:\n    - §\n"),
    ] {
        let items = offered(&mut editor, words, by).await;
        println!("{by:?}:");
        for item in &items {
            println!(
                "   {:?} insert {:?} edit {} doc {}",
                item.label,
                item.insert_text,
                json!(item.text_edit)["newText"],
                json!(item.documentation)
            );
        }
    }
    let _ = labels(&[]);
    println!("{:?}", editor.quit().await);
}

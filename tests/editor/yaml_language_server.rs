//! The schema in yaml-language-server, which VS Code, JetBrains' plugin, Neovim and Helix use: its findings, hover
//! boxes and completions.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_lsp::lsp_types::{CompletionItem, Url};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::client::{Editor, labels, messages, position, root};

const GOOD: &str = "\
# yaml-language-server: $schema=schema/osimg.schema.json
version: 1
name: test
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
    let modules = root().join("target/editor/node_modules");
    let (node, script) =
        (modules.join(".bin/node"), modules.join("yaml-language-server/bin/yaml-language-server"));
    assert!(script.is_file(), "{} is not there: run `scripts/test editor`", script.display());
    let mut command = Command::new(node);
    command.arg(script).arg("--stdio");
    let yaml = json!({
        "validate": true, "hover": true, "completion": true, "schemas": schemas,
        // the catalog is on the network
        "schemaStore": { "enable": false, "url": "" },
    });
    let settings = json!({ "yaml": yaml, "http": {}, "[yaml]": {}, "editor": {}, "files": {} });
    let editor = Editor::start(command, settings).await;
    let schema =
        std::fs::read_to_string(root().join("schema/osimg.schema.json")).expect("the schema is there");
    editor.write("schema/osimg.schema.json", &schema);
    editor
}

/// What is offered at the `§` that `by` puts into the manifest instead of `words`.
async fn offered(editor: &mut Editor, words: &str, by: &str) -> Vec<CompletionItem> {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    assert!(GOOD.contains(words), "{words:?}");
    let text = GOOD.replacen(words, by, 1);
    let at = text.find('§').expect("the cursor is in the text");
    let text = text.replace('§', "");
    // the server keeps what it parsed by name and version
    let name = format!("{}.yaml", FILES.fetch_add(1, Ordering::Relaxed));
    editor.open(&name, "yaml", &text);
    let place = json!({ "textDocument": { "uri": editor.uri(&name) }, "position": position(&text, at) });
    let items = editor.complete(place).await;
    editor.close(&name);
    items
}

#[tokio::test]
async fn good_manifests_have_no_finding_and_broken_ones_have_theirs() {
    let mut editor = editor(json!({})).await;
    editor.open("good.yaml", "yaml", GOOD);
    assert_eq!(messages(&editor.findings_of("good.yaml").await), [""; 0]);
    for (name, words, by, wrong, said) in [
        ("enum", "mbr", "mbx", "mbx", "Value is not accepted. Valid values: \"mbr\", \"gpt\"."),
        ("unknown", "distro", "distor", "distor", "Property distor is not allowed."),
        ("missing", "    dockerfile: one/Dockerfile\n", "", "name: one", "Missing property \"dockerfile\"."),
        ("type", "[bios]", "bios", "bios", "Incorrect type. Expected \"array\"."),
        ("range", "version: 1", "version: 2", "2", ""),
        ("pattern", "name: test", "name: No Name", "No Name", ""),
    ] {
        let name = format!("{name}.yaml");
        editor.open(&name, "yaml", &GOOD.replacen(words, by, 1));
        let found = editor.findings(&name, |found| !found.is_empty()).await;
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].message.starts_with(said), "{found:#?}");
        let (start, place) = (json!(found[0].range.start), editor.place(&name, wrong, 0));
        assert_eq!(start["line"], place["position"]["line"], "{found:#?}");
    }
    assert!(editor.quit().await.success());
}

#[tokio::test]
async fn the_hover_box_says_what_a_field_does_and_takes() {
    let mut editor = editor(json!({})).await;
    editor.open("m.yaml", "yaml", GOOD);
    let table = editor.hover(editor.place("m.yaml", "table", 1)).await;
    // the field's own text, its default, and every word with its meaning
    assert!(table.contains("The partition table"), "{table}");
    assert!(table.contains("Default: `mbr`"), "{table}");
    assert!(table.contains("* `mbr`: Master boot record") && table.contains("* `gpt`: GUID"), "{table}");
    let drivers = editor.hover(editor.place("m.yaml", "drivers", 1)).await;
    assert!(drivers.contains("Kernel modules to add (`--add-drivers`)"), "{drivers}");
    assert!(drivers.contains("Example:\n\n```yaml\n- virtio_blk\n"), "{drivers}");
    let dracut = editor.hover(editor.place("m.yaml", "dracut", 1)).await;
    assert!(dracut.contains("Default: virtio disks and the root filesystem"), "{dracut}");
    let slots = editor.hover(editor.place("m.yaml", "slots", 1)).await;
    assert!(slots.contains("in the order of the disk's partitions"), "{slots}");
    assert!(editor.quit().await.success());
}

#[tokio::test]
async fn fields_enum_values_and_drivers_are_offered() {
    let mut editor = editor(json!({})).await;
    let fields = offered(&mut editor, "    distro: debian\n", "    §\n").await;
    let has = |word: &str| labels(&fields).contains(&word);
    assert!(["filesystem", "kernel", "packages", "users", "files", "target", "size"].into_iter().all(has));
    // what the slot has is not offered again
    assert!(!has("name") && !has("dracut"), "{:?}", labels(&fields));
    let top = offered(&mut editor, "disk:\n", "§\ndisk:\n").await;
    assert!(["bases", "defaults"].iter().all(|word| labels(&top).contains(word)), "{:?}", labels(&top));

    assert_eq!(labels(&offered(&mut editor, "table: mbr", "table: §").await), ["mbr", "gpt"]);
    assert_eq!(labels(&offered(&mut editor, "[bios]", "[§]").await), ["bios", "uefi"]);
    let distros = offered(&mut editor, "distro: debian", "distro: §").await;
    assert_eq!(labels(&distros), ["debian", "ubuntu", "el7", "el8", "el9", "fedora"]);

    for list in ["- §\n", "- virtio_blk\n        - §\n", "- vi§\n"] {
        let drivers = offered(&mut editor, "- virtio_blk\n", list).await;
        let labels = labels(&drivers);
        assert!(
            ["virtio_blk", "virtio_scsi", "nvme", "xfs", "ext4"].iter().all(|d| labels.contains(d)),
            "{list}"
        );
        let virtio = drivers.iter().find(|item| item.label == "virtio_blk").expect("just seen");
        assert_eq!(json!(virtio.text_edit)["newText"], "virtio_blk");
        assert!(json!(virtio.documentation).to_string().contains("/dev/vda"), "{virtio:?}");
    }
    let flow = offered(&mut editor, "\n        - virtio_blk\n", " [§]\n").await;
    assert!(labels(&flow).contains(&"xfs"));
    let units =
        offered(&mut editor, "    distro: debian\n", "    systemd:\n      enable:\n        - §\n").await;
    assert!(labels(&units).contains(&"sshd.service"));
    let sizes = offered(&mut editor, "    distro: debian\n", "    size: §\n").await;
    assert!(labels(&sizes).contains(&"50%"), "{:?}", labels(&sizes));
    assert!(editor.quit().await.success());
}

#[tokio::test]
async fn settings_map_the_schema_to_file_names() {
    let schema = Url::from_file_path(root().join("schema/osimg.schema.json")).expect("an absolute path");
    let mut editor = editor(json!({ (schema.as_str()): ["*.osimg.yaml"] })).await;
    let text = GOOD.lines().skip(1).collect::<Vec<_>>().join("\n").replace("mbr", "mbx");
    editor.open("a.osimg.yaml", "yaml", &text);
    let found = editor.findings("a.osimg.yaml", |found| !found.is_empty()).await;
    assert!(found[0].message.starts_with("Value is not accepted"), "{found:#?}");
    editor.open("other.yaml", "yaml", &text);
    assert_eq!(messages(&editor.findings_of("other.yaml").await), [""; 0]);
    assert!(editor.quit().await.success());
}

#[tokio::test]
async fn no_example_has_a_finding() {
    let mut editor = editor(json!({})).await;
    // as they lie in the repository: the modeline is relative
    std::fs::create_dir(editor.path("examples")).expect("a folder");
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("examples")).expect("the examples are readable") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            assert!(text.starts_with("# yaml-language-server: $schema=../schema/osimg.schema.json\n"));
            let name = format!("examples/{}", path.file_name().expect("a name").display());
            editor.open(&name, "yaml", &text);
            assert_eq!(messages(&editor.findings_of(&name).await), [""; 0], "{name}");
            // the schema was really read: a broken copy is found
            editor.edit(&name, "version: 1", "version: one");
            editor.findings(&name, |found| !found.is_empty()).await;
            count += 1;
        }
    }
    assert!(count >= 2);
    assert!(editor.quit().await.success());
}

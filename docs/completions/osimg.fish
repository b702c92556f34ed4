# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_osimg_global_optspecs
    string join \n q/quiet v/verbose color= message-format= deny= jobs= cache-dir= engine= h/help V/version
end

function __fish_osimg_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_osimg_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_osimg_using_subcommand
    set -l cmd (__fish_osimg_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c osimg -n "__fish_osimg_needs_command" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_needs_command" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_needs_command" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_needs_command" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_needs_command" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_needs_command" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_needs_command" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_needs_command" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_needs_command" -s V -l version -d 'Print version'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "init" -d 'Write a first manifest and its Dockerfiles'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "apply" -d 'Build the image that a manifest describes'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "check" -d 'Check a manifest without building anything'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "render" -d 'Write the generated Dockerfiles, fstab and grub.cfg'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "plan" -d 'Show what `apply` would do, and why'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "inspect-slot" -d 'Show how a slot would boot, and what is wrong with it'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "boot" -d 'Start the image in QEMU'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "test" -d 'Prove that the built image boots'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "mkfs" -d 'Make a filesystem out of a tar archive'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "explain" -d 'Explain a code that `check` reports'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "schema" -d 'Print the JSON Schema of manifests'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "doctor" -d 'Look for what is missing on this machine, and how to install it'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "lsp" -d 'Serve editors: findings as you type, quick fixes, hover, definitions'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "completions" -d 'Print a shell\'s completion script'
complete -c osimg -n "__fish_osimg_needs_command" -f -a "man" -d 'Print the manual page, or write one for each command'
complete -c osimg -n "__fish_osimg_using_subcommand init" -l name -d 'The image\'s name [default: the folder\'s]' -r
complete -c osimg -n "__fish_osimg_using_subcommand init" -l slot -d 'An operating system, built from a new Dockerfile; can be repeated' -r
complete -c osimg -n "__fish_osimg_using_subcommand init" -l from-image -d 'An image that the engine has, asked for its distribution and kernel' -r
complete -c osimg -n "__fish_osimg_using_subcommand init" -l size -d 'The disk\'s size, such as 8GiB [default: auto]' -r
complete -c osimg -n "__fish_osimg_using_subcommand init" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand init" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand init" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand init" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand init" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand init" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand init" -l no-schema -d 'Leave out the schema\'s file, and the line that leads editors to it'
complete -c osimg -n "__fish_osimg_using_subcommand init" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand init" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand apply" -l refresh -d 'Build these slots (all, when none is named) anew although nothing changed, to take in what package repositories have since' -r
complete -c osimg -n "__fish_osimg_using_subcommand apply" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand apply" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand apply" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand apply" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand apply" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand apply" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand apply" -l checksum -d 'Also write the image\'s SHA-256 beside it, into <IMAGE>.sha256'
complete -c osimg -n "__fish_osimg_using_subcommand apply" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand apply" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand check" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand check" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand check" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand check" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand check" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand check" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand check" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand check" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand render" -s o -l output -d 'Write files into this folder instead of standard output' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand render" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand render" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand render" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand render" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand render" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand render" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand render" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand render" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand render" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand plan" -l refresh -d 'Build these slots (all, when none is named) anew although nothing changed, to take in what package repositories have since' -r
complete -c osimg -n "__fish_osimg_using_subcommand plan" -l format -d 'Lines for people, a JSON object, or a graph for Graphviz: text, json or dot' -r -f -a "text\t''
json\t''
dot\t''"
complete -c osimg -n "__fish_osimg_using_subcommand plan" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand plan" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand plan" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand plan" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand plan" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand plan" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand plan" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand plan" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand inspect-slot" -l tar -d 'Look at a tree by itself: a tar archive, plain or packed by gzip, xz or zstd; - is standard input' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand inspect-slot" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand inspect-slot" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand inspect-slot" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand inspect-slot" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand inspect-slot" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand inspect-slot" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand inspect-slot" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand inspect-slot" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand inspect-slot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l slot -d 'The slot to boot; without it the menu chooses' -r
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l firmware -d 'What starts the disk' -r -f -a "bios\t''
uefi\t''"
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l accel -d 'What runs the machine; auto is KVM where it works, else TCG' -r -f -a "auto\t''
kvm\t''
tcg\t''"
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l memory -d 'Memory of the machine, in MiB' -r
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l timeout -d 'How long to wait for the login prompt [default: 600]' -r
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l log -d 'Write what the console says to a file' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l network -d 'Give the machine a network card that reaches out through this host'
complete -c osimg -n "__fish_osimg_using_subcommand boot" -l wait-login -d 'Exit 0 at the login prompt, else exit 1 with the console\'s end'
complete -c osimg -n "__fish_osimg_using_subcommand boot" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand boot" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand boot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand test" -l slot -d 'A slot to test, and the jumps between those named [default: all]' -r
complete -c osimg -n "__fish_osimg_using_subcommand test" -l scenario -d 'With --switch, only this scenario [default: all]' -r
complete -c osimg -n "__fish_osimg_using_subcommand test" -l firmware -d 'Which of the manifest\'s firmware to test: bios, uefi or all' -r -f -a "bios\t''
uefi\t''
all\t''"
complete -c osimg -n "__fish_osimg_using_subcommand test" -l accel -d 'What runs the machine: auto (KVM where it works, else TCG), kvm or tcg' -r -f -a "auto\t''
kvm\t''
tcg\t''"
complete -c osimg -n "__fish_osimg_using_subcommand test" -l memory -d 'Memory of the machine, in MiB' -r
complete -c osimg -n "__fish_osimg_using_subcommand test" -l timeout -d 'How long one boot may take; silence for three minutes ends it earlier' -r
complete -c osimg -n "__fish_osimg_using_subcommand test" -l user -d 'Who logs in where no shell can be given through the initramfs' -r
complete -c osimg -n "__fish_osimg_using_subcommand test" -l password-file -d 'The file with that user\'s password in its first line' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand test" -l logs -d 'Where each boot\'s console is kept [default: <image>.proof]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand test" -l junit -d 'Write the results as JUnit XML' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand test" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand test" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand test" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand test" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand test" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand test" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand test" -l switch -d 'Prove osimg-switch instead, from the default slot to each other one: there and back, trials that pass, fail, panic and hang, power cuts, rollback'
complete -c osimg -n "__fish_osimg_using_subcommand test" -l no-kexec -d 'Leave out the jumps by kexec'
complete -c osimg -n "__fish_osimg_using_subcommand test" -l until-login -d 'Be content with the login prompts: no shell, so no checks behind them and no kexec'
complete -c osimg -n "__fish_osimg_using_subcommand test" -l keep -d 'Stop at the first failure, or else at the end, and join the machine\'s console to this terminal'
complete -c osimg -n "__fish_osimg_using_subcommand test" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand test" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l type -d 'The format' -r -f -a "xfs\t''
ext4\t''
fat\t''"
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l size -d 'How large it is; auto: what the tree takes, and some room' -r
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l kernel -d 'The oldest Linux that must mount it, such as 3.10 [default: a new one]' -r
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l features -d 'Features to turn on or off, such as reflink=off,rmapbt=on' -r
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l uuid -d 'Its UUID, 1234-ABCD for FAT [default: from type, size and label]' -r
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l label -d 'Its label: 12 bytes for xfs, 16 for ext4, 11 for FAT' -r
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l offset -d 'Write into an image that is there, from this byte on' -r
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -s o -l output -d 'The file to write' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand mkfs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand explain" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand explain" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand explain" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand explain" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand explain" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand explain" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand explain" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand explain" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand schema" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand schema" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand schema" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand schema" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand schema" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand schema" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand schema" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand schema" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand doctor" -l format -d 'A table for people, or a JSON object: text or json' -r -f -a "text\t''
json\t''"
complete -c osimg -n "__fish_osimg_using_subcommand doctor" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand doctor" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand doctor" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand doctor" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand doctor" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand doctor" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand doctor" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand doctor" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand lsp" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand lsp" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand lsp" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand lsp" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand lsp" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand lsp" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand lsp" -l stdio -d 'Accepted because editors pass it; standard input and output are used anyway'
complete -c osimg -n "__fish_osimg_using_subcommand lsp" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand lsp" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand lsp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand completions" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand completions" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand completions" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand completions" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand completions" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand completions" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand completions" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand completions" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c osimg -n "__fish_osimg_using_subcommand man" -l color -d 'When to use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c osimg -n "__fish_osimg_using_subcommand man" -l message-format -d 'How to tell problems and progress: human, json, sarif or github' -r -f -a "human\t''
json\t''
sarif\t''
github\t''"
complete -c osimg -n "__fish_osimg_using_subcommand man" -l deny -d 'What to refuse although it would work: warnings' -r -f -a "warnings\t''"
complete -c osimg -n "__fish_osimg_using_subcommand man" -l jobs -d 'Pieces of work side by side [default: the number of processors]' -r
complete -c osimg -n "__fish_osimg_using_subcommand man" -l cache-dir -d 'Where finished pieces are kept [default: ~/.cache/osimg]' -r -F
complete -c osimg -n "__fish_osimg_using_subcommand man" -l engine -d 'The container engine: auto, docker or podman' -r -f -a "auto\t''
docker\t''
podman\t''"
complete -c osimg -n "__fish_osimg_using_subcommand man" -s q -l quiet -d 'Say nothing but errors'
complete -c osimg -n "__fish_osimg_using_subcommand man" -s v -l verbose -d 'Show all output of builds, what was cached, and why something runs'
complete -c osimg -n "__fish_osimg_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'


using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'osimg' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'osimg'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'osimg' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a first manifest and its Dockerfiles')
            [CompletionResult]::new('apply', 'apply', [CompletionResultType]::ParameterValue, 'Build the image that a manifest describes')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check a manifest without building anything')
            [CompletionResult]::new('render', 'render', [CompletionResultType]::ParameterValue, 'Write the generated Dockerfiles, fstab and grub.cfg')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Show what `apply` would do, and why')
            [CompletionResult]::new('inspect-slot', 'inspect-slot', [CompletionResultType]::ParameterValue, 'Show how a slot would boot, and what is wrong with it')
            [CompletionResult]::new('boot', 'boot', [CompletionResultType]::ParameterValue, 'Start the image in QEMU')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Prove that the built image boots')
            [CompletionResult]::new('mkfs', 'mkfs', [CompletionResultType]::ParameterValue, 'Make a filesystem out of a tar archive')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain a code that `check` reports')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of manifests')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Look for what is missing on this machine, and how to install it')
            [CompletionResult]::new('lsp', 'lsp', [CompletionResultType]::ParameterValue, 'Serve editors: findings as you type, quick fixes, hover, definitions')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a shell''s completion script')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page, or write one for each command')
            break
        }
        'osimg;init' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The image''s name [default: the folder''s]')
            [CompletionResult]::new('--slot', '--slot', [CompletionResultType]::ParameterName, 'An operating system, built from a new Dockerfile; can be repeated')
            [CompletionResult]::new('--from-image', '--from-image', [CompletionResultType]::ParameterName, 'An image that the engine has, asked for its distribution and kernel')
            [CompletionResult]::new('--size', '--size', [CompletionResultType]::ParameterName, 'The disk''s size, such as 8GiB [default: auto]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('--no-schema', '--no-schema', [CompletionResultType]::ParameterName, 'Leave out the schema''s file, and the line that leads editors to it')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;apply' {
            [CompletionResult]::new('--refresh', '--refresh', [CompletionResultType]::ParameterName, 'Build these slots (all, when none is named) anew although nothing changed, to take in what package repositories have since')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('--checksum', '--checksum', [CompletionResultType]::ParameterName, 'Also write the image''s SHA-256 beside it, into <IMAGE>.sha256')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;check' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;render' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write files into this folder instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write files into this folder instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;plan' {
            [CompletionResult]::new('--refresh', '--refresh', [CompletionResultType]::ParameterName, 'Build these slots (all, when none is named) anew although nothing changed, to take in what package repositories have since')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Lines for people, a JSON object, or a graph for Graphviz: text, json or dot')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;inspect-slot' {
            [CompletionResult]::new('--tar', '--tar', [CompletionResultType]::ParameterName, 'Look at a tree by itself: a tar archive, plain or packed by gzip, xz or zstd; - is standard input')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;boot' {
            [CompletionResult]::new('--slot', '--slot', [CompletionResultType]::ParameterName, 'The slot to boot; without it the menu chooses')
            [CompletionResult]::new('--firmware', '--firmware', [CompletionResultType]::ParameterName, 'What starts the disk')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'What runs the machine; auto is KVM where it works, else TCG')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory of the machine, in MiB')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait for the login prompt [default: 600]')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'Write what the console says to a file')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('--network', '--network', [CompletionResultType]::ParameterName, 'Give the machine a network card that reaches out through this host')
            [CompletionResult]::new('--wait-login', '--wait-login', [CompletionResultType]::ParameterName, 'Exit 0 at the login prompt, else exit 1 with the console''s end')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;test' {
            [CompletionResult]::new('--slot', '--slot', [CompletionResultType]::ParameterName, 'A slot to test, and the jumps between those named [default: all]')
            [CompletionResult]::new('--scenario', '--scenario', [CompletionResultType]::ParameterName, 'With --switch, only this scenario [default: all]')
            [CompletionResult]::new('--firmware', '--firmware', [CompletionResultType]::ParameterName, 'Which of the manifest''s firmware to test: bios, uefi or all')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'What runs the machine: auto (KVM where it works, else TCG), kvm or tcg')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory of the machine, in MiB')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long one boot may take; silence for three minutes ends it earlier')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Who logs in where no shell can be given through the initramfs')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'The file with that user''s password in its first line')
            [CompletionResult]::new('--logs', '--logs', [CompletionResultType]::ParameterName, 'Where each boot''s console is kept [default: <image>.proof]')
            [CompletionResult]::new('--junit', '--junit', [CompletionResultType]::ParameterName, 'Write the results as JUnit XML')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('--switch', '--switch', [CompletionResultType]::ParameterName, 'Prove osimg-switch instead, from the default slot to each other one: there and back, trials that pass, fail, panic and hang, power cuts, rollback')
            [CompletionResult]::new('--no-kexec', '--no-kexec', [CompletionResultType]::ParameterName, 'Leave out the jumps by kexec')
            [CompletionResult]::new('--until-login', '--until-login', [CompletionResultType]::ParameterName, 'Be content with the login prompts: no shell, so no checks behind them and no kexec')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Stop at the first failure, or else at the end, and join the machine''s console to this terminal')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;mkfs' {
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'The format')
            [CompletionResult]::new('--size', '--size', [CompletionResultType]::ParameterName, 'How large it is; auto: what the tree takes, and some room')
            [CompletionResult]::new('--kernel', '--kernel', [CompletionResultType]::ParameterName, 'The oldest Linux that must mount it, such as 3.10 [default: a new one]')
            [CompletionResult]::new('--features', '--features', [CompletionResultType]::ParameterName, 'Features to turn on or off, such as reflink=off,rmapbt=on')
            [CompletionResult]::new('--uuid', '--uuid', [CompletionResultType]::ParameterName, 'Its UUID, 1234-ABCD for FAT [default: from type, size and label]')
            [CompletionResult]::new('--label', '--label', [CompletionResultType]::ParameterName, 'Its label: 12 bytes for xfs, 16 for ext4, 11 for FAT')
            [CompletionResult]::new('--offset', '--offset', [CompletionResultType]::ParameterName, 'Write into an image that is there, from this byte on')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The file to write')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The file to write')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;explain' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;schema' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;doctor' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'A table for people, or a JSON object: text or json')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;lsp' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('--stdio', '--stdio', [CompletionResultType]::ParameterName, 'Accepted because editors pass it; standard input and output are used anyway')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;completions' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'osimg;man' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never')
            [CompletionResult]::new('--message-format', '--message-format', [CompletionResultType]::ParameterName, 'How to tell problems and progress: human, json, sarif or github')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'What to refuse although it would work: warnings')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Pieces of work side by side [default: the number of processors]')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where finished pieces are kept [default: ~/.cache/osimg]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'The container engine: auto, docker or podman')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all output of builds, what was cached, and why something runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}

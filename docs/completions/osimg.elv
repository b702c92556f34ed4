
use builtin;
use str;

set edit:completion:arg-completer[osimg] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'osimg'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'osimg'= {
            cand --color 'When to use colours: auto, always or never'
            cand --message-format 'How to tell problems and progress: human, json, sarif or github'
            cand --deny 'What to refuse although it would work: warnings'
            cand --jobs 'Pieces of work side by side [default: the number of processors]'
            cand --cache-dir 'Where finished pieces are kept [default: ~/.cache/osimg]'
            cand --engine 'The container engine: auto, docker or podman'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Show all output of builds, what was cached, and why something runs'
            cand --verbose 'Show all output of builds, what was cached, and why something runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand init 'Write a first manifest and its Dockerfiles'
            cand apply 'Build the image that a manifest describes'
            cand check 'Check a manifest without building anything'
            cand render 'Write the generated Dockerfiles, fstab and grub.cfg'
            cand plan 'Show what `apply` would do, and why'
            cand boot 'Start the image in QEMU'
            cand schema 'Print the JSON Schema of manifests'
            cand doctor 'Look for what is missing on this machine, and how to install it'
            cand lsp 'Serve editors: findings as you type, quick fixes, hover, definitions'
            cand completions 'Print a shell''s completion script'
            cand man 'Print the manual page, or write one for each command'
        }
        &'osimg;init'= {
            cand --name 'The image''s name [default: the folder''s]'
            cand --slot 'An operating system, built from a new Dockerfile; can be repeated'
            cand --from-image 'An image that the engine has, asked for its distribution and kernel'
            cand --size 'The disk''s size, such as 8GiB [default: auto]'
            cand --color 'When to use colours: auto, always or never'
            cand --message-format 'How to tell problems and progress: human, json, sarif or github'
            cand --deny 'What to refuse although it would work: warnings'
            cand --jobs 'Pieces of work side by side [default: the number of processors]'
            cand --cache-dir 'Where finished pieces are kept [default: ~/.cache/osimg]'
            cand --engine 'The container engine: auto, docker or podman'
            cand --no-schema 'Leave out the schema''s file, and the line that leads editors to it'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Show all output of builds, what was cached, and why something runs'
            cand --verbose 'Show all output of builds, what was cached, and why something runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'osimg;apply'= {
            cand --refresh 'Build these slots (all, when none is named) anew although nothing changed, to take in what package repositories have since'
            cand --color 'When to use colours: auto, always or never'
            cand --message-format 'How to tell problems and progress: human, json, sarif or github'
            cand --deny 'What to refuse although it would work: warnings'
            cand --jobs 'Pieces of work side by side [default: the number of processors]'
            cand --cache-dir 'Where finished pieces are kept [default: ~/.cache/osimg]'
            cand --engine 'The container engine: auto, docker or podman'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Show all output of builds, what was cached, and why something runs'
            cand --verbose 'Show all output of builds, what was cached, and why something runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'osimg;check'= {
            cand --color 'When to use colours: auto, always or never'
            cand --message-format 'How to tell problems and progress: human, json, sarif or github'
            cand --deny 'What to refuse although it would work: warnings'
            cand --jobs 'Pieces of work side by side [default: the number of processors]'
            cand --cache-dir 'Where finished pieces are kept [default: ~/.cache/osimg]'
            cand --engine 'The container engine: auto, docker or podman'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Show all output of builds, what was cached, and why something runs'
            cand --verbose 'Show all output of builds, what was cached, and why something runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'osimg;render'= {
            cand -o 'Write files into this folder instead of standard output'
            cand --output 'Write files into this folder instead of standard output'
            cand --color 'When to use colours: auto, always or never'
            cand --message-format 'How to tell problems and progress: human, json, sarif or github'
            cand --deny 'What to refuse although it would work: warnings'
            cand --jobs 'Pieces of work side by side [default: the number of processors]'
            cand --cache-dir 'Where finished pieces are kept [default: ~/.cache/osimg]'
            cand --engine 'The container engine: auto, docker or podman'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Show all output of builds, what was cached, and why something runs'
            cand --verbose 'Show all output of builds, what was cached, and why something runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'osimg;plan'= {
            cand --refresh 'Build these slots (all, when none is named) anew although nothing changed, to take in what package repositories have since'
            cand --format 'Lines for people, a JSON object, or a graph for Graphviz: text, json or dot'
            cand --color 'When to use colours: auto, always or never'
            cand --message-format 'How to tell problems and progress: human, json, sarif or github'
            cand --deny 'What to refuse although it would work: warnings'
            cand --jobs 'Pieces of work side by side [default: the number of processors]'
            cand --cache-dir 'Where finished pieces are kept [default: ~/.cache/osimg]'
            cand --engine 'The container engine: auto, docker or podman'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Show all output of builds, what was cached, and why something runs'
            cand --verbose 'Show all output of builds, what was cached, and why something runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'osimg;boot'= {
            cand --slot 'The slot to boot; without it the menu chooses'
            cand --firmware 'What starts the disk'
            cand --accel 'What runs the machine; auto is KVM where it works, else TCG'
            cand --memory 'Memory of the machine, in MiB'
            cand --timeout 'How long to wait for the login prompt [default: 600]'
            cand --log 'Write what the console says to a file'
            cand --color 'When to use colours: auto, always or never'
            cand --message-format 'How to tell problems and progress: human, json, sarif or github'
            cand --deny 'What to refuse although it would work: warnings'
            cand --jobs 'Pieces of work side by side [default: the number of processors]'
            cand --cache-dir 'Where finished pieces are kept [default: ~/.cache/osimg]'
            cand --engine 'The container engine: auto, docker or podman'
            cand --network 'Give the machine a network card that reaches out through this host'
            cand --wait-login 'Exit 0 at the login prompt, else exit 1 with the console''s end'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Show all output of builds, what was cached, and why something runs'
            cand --verbose 'Show all output of builds, what was cached, and why something runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'osimg;schema'= {
            cand --color 'When to use colours: auto, always or never'
            cand --message-format 'How to tell problems and progress: human, json, sarif or github'
            cand --deny 'What to refuse although it would work: warnings'
            cand --jobs 'Pieces of work side by side [default: the number of processors]'
            cand --cache-dir 'Where finished pieces are kept [default: ~/.cache/osimg]'
            cand --engine 'The container engine: auto, docker or podman'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Show all output of builds, what was cached, and why something runs'
            cand --verbose 'Show all output of builds, what was cached, and why something runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'osimg;doctor'= {
            cand --format 'A table for people, or a JSON object: text or json'
            cand --color 'When to use colours: auto, always or never'
            cand --message-format 'How to tell problems and progress: human, json, sarif or github'
            cand --deny 'What to refuse although it would work: warnings'
            cand --jobs 'Pieces of work side by side [default: the number of processors]'
            cand --cache-dir 'Where finished pieces are kept [default: ~/.cache/osimg]'
            cand --engine 'The container engine: auto, docker or podman'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Show all output of builds, what was cached, and why something runs'
            cand --verbose 'Show all output of builds, what was cached, and why something runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'osimg;lsp'= {
            cand --color 'When to use colours: auto, always or never'
            cand --message-format 'How to tell problems and progress: human, json, sarif or github'
            cand --deny 'What to refuse although it would work: warnings'
            cand --jobs 'Pieces of work side by side [default: the number of processors]'
            cand --cache-dir 'Where finished pieces are kept [default: ~/.cache/osimg]'
            cand --engine 'The container engine: auto, docker or podman'
            cand --stdio 'Accepted because editors pass it; standard input and output are used anyway'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Show all output of builds, what was cached, and why something runs'
            cand --verbose 'Show all output of builds, what was cached, and why something runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'osimg;completions'= {
            cand --color 'When to use colours: auto, always or never'
            cand --message-format 'How to tell problems and progress: human, json, sarif or github'
            cand --deny 'What to refuse although it would work: warnings'
            cand --jobs 'Pieces of work side by side [default: the number of processors]'
            cand --cache-dir 'Where finished pieces are kept [default: ~/.cache/osimg]'
            cand --engine 'The container engine: auto, docker or podman'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Show all output of builds, what was cached, and why something runs'
            cand --verbose 'Show all output of builds, what was cached, and why something runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'osimg;man'= {
            cand --color 'When to use colours: auto, always or never'
            cand --message-format 'How to tell problems and progress: human, json, sarif or github'
            cand --deny 'What to refuse although it would work: warnings'
            cand --jobs 'Pieces of work side by side [default: the number of processors]'
            cand --cache-dir 'Where finished pieces are kept [default: ~/.cache/osimg]'
            cand --engine 'The container engine: auto, docker or podman'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Show all output of builds, what was cached, and why something runs'
            cand --verbose 'Show all output of builds, what was cached, and why something runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
    ]
    $completions[$command]
}

# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of bothy(1) for fish.

# The verbs are what the help says.
function __bothy_verbs
    bothy help 2>/dev/null | string match -rg '^  ([a-z-]+ .*)$' | string replace -r '^([a-z-]+) +(.*)$' '$1\t$2'
end

function __bothy_subverbs
    bothy help $argv[1] 2>/dev/null | string replace -rf '^  [a-z]+ ([a-z-]+) +(.*)$' '$1\t$2'
end

# The words so far that are no options: the verb, perhaps its second word, and names.
function __bothy_words
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
        else if contains -- $word -H --host
            set skip yes
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# Whether the verb is one of VERBS, and at most one name stands behind it if the first is "once".
function __bothy_verb
    set -l words (__bothy_words)
    set -l name $words[1]
    contains -- "$name" bridge device egress file image mount nic port range remote snapshot user volume; and set name "$words[1] $words[2]"; and set -e words[2]
    if test $argv[1] = once
        test (count $words) -eq 1; and contains -- "$name" $argv[2..]
    else
        test (count $words) -ge 1; and contains -- "$name" $argv
    end
end

function __bothy_options
    set -l verb (__bothy_words)
    if contains -- "$verb[1]" bridge device egress file image mount nic port range remote snapshot user volume
        set verb $verb[1..2]
    else
        set verb $verb[1]
    end
    bothy $verb --help 2>/dev/null | string replace -rf '^  (?:-., )?(--[a-z-]+)\S* +(.*)$' '$1\t$2'
end

# Where images come from, as names begin: REMOTE: of catalogues, HOST/ of registries.
function __bothy_remotes
    bothy remote list -q 2>/dev/null | sed '/\./s,$,/,; /\./!s,$,:,'
end

complete -c bothy -f
complete -c bothy -n 'test (count (__bothy_words)) -eq 0' -a '(__bothy_verbs)'
complete -c bothy -n 'string match -q -- "-*" (commandline -ct)' -a '(__bothy_options)'
for group in bridge device egress file image mount nic port range remote snapshot user volume
    complete -c bothy -n "test \"\$(__bothy_words)\" = $group" -a "(__bothy_subverbs $group)"
end
complete -c bothy -n '__bothy_verb help' -a '(__bothy_verbs)'
complete -c bothy -n '__bothy_verb start' -a '(bothy list -q -f state=stopped -f state=failed 2>/dev/null)'
complete -c bothy -n '__bothy_verb stop restart freeze thaw kill info wait delete' -a '(bothy list -q 2>/dev/null)'
complete -c bothy -n '__bothy_verb once copy commit diff export "snapshot create" "snapshot list" "snapshot diff" "snapshot restore" "snapshot delete"' -a '(bothy list -q 2>/dev/null)'
complete -c bothy -n '__bothy_verb diff; and not __bothy_verb once diff' -a '(bothy snapshot list -q (__bothy_words)[2] 2>/dev/null)'
complete -c bothy -n '__bothy_verb "snapshot diff" "snapshot restore" "snapshot delete"; and not __bothy_verb once "snapshot diff" "snapshot restore" "snapshot delete"' -a '(bothy snapshot list -q (__bothy_words)[3] 2>/dev/null)'
complete -c bothy -n '__bothy_verb once limit autostart exec shell console files logs history rename "egress list" "egress set" "egress allow" "egress deny" "port add" "port remove" "port list" "mount add" "mount remove" "mount list" "device add" "device remove" "device list"' -a '(bothy list -q 2>/dev/null)'
complete -c bothy -n 'test "$(__bothy_words)" = adopt' -a '(bothy adopt --list -q 2>/dev/null; __fish_complete_directories)'
complete -c bothy -n '__bothy_verb adopt' -l owner -x -a '(__fish_complete_users)'
complete -c bothy -n '__bothy_verb adopt' -l network -x -a 'nat none'
complete -c bothy -n '__bothy_verb once "user set-ceiling"' -a '(__fish_complete_users)'
complete -c bothy -n '__bothy_verb "user set-ceiling"; and not __bothy_verb once "user set-ceiling"' -a 'memory= cpu= pids= disk= inodes='
complete -c bothy -n '__bothy_verb "volume info" "volume delete"' -a '(bothy volume list -q 2>/dev/null)'
complete -c bothy -n '__bothy_verb limit; and not __bothy_verb once limit' -a 'memory= memory-high= swap= cpu= cpu-weight= cpus= io-weight= pids= disk= inodes='
complete -c bothy -n '__bothy_verb autostart; and not __bothy_verb once autostart' -a 'boot login on-demand no'
complete -c bothy -n '__bothy_verb autostart' -l after -x -a '(bothy list -q 2>/dev/null)'
complete -c bothy -n '__bothy_verb autostart run create launch' -l restart -x -a 'no on-failure always'
complete -c bothy -n '__bothy_verb run create launch' -l health-on-failure -x -a 'none restart stop kill'
complete -c bothy -n '__bothy_verb once run create launch' -a '(bothy image list -q 2>/dev/null; __bothy_remotes)'
complete -c bothy -n '__bothy_verb "image info" "image delete" "image refresh" "image untag"' -a '(bothy image list -q 2>/dev/null)'
complete -c bothy -n '__bothy_verb once push' -a '(bothy image list -q 2>/dev/null; bothy list -q 2>/dev/null)'
complete -c bothy -n '__bothy_verb push "image push"; and not __bothy_verb once push "image push"' -a '(__bothy_remotes)'
complete -c bothy -n '__bothy_verb once "image export" "image tag" "image push"' -a '(bothy image list -q 2>/dev/null)'
complete -c bothy -n '__bothy_verb export; and not __bothy_verb once export' -F
complete -c bothy -n '__bothy_verb "image export"' -l format -x -a 'incus oci'
complete -c bothy -n '__bothy_verb export' -l format -x -a 'tar oci incus'
complete -c bothy -n '__bothy_verb once import' -F
complete -c bothy -n '__bothy_verb "image export"; and not __bothy_verb once "image export"' -F
complete -c bothy -n '__bothy_verb once "image pull" "image search"' -a '(__bothy_remotes)'
complete -c bothy -n '__bothy_verb "image import" "bridge import-lxc"' -F
complete -c bothy -n '__bothy_verb once "bridge delegate" "bridge revoke" "bridge delete"' -a '(bothy bridge list -q 2>/dev/null)'
complete -c bothy -n '__bothy_verb "remote remove" "remote login" "remote logout"' -a '(bothy remote list -q 2>/dev/null)'
complete -c bothy -n '__bothy_verb "range release"' -a '(bothy range list --quiet 2>/dev/null)'
complete -c bothy -n '__bothy_verb "range reclaim"' -a '(bothy range list --all --quiet 2>/dev/null)'
complete -c bothy -n '__bothy_verb unshare userns-exec' -a '(__fish_complete_subcommand)'
complete -c bothy -n '__bothy_verb list wait' -l state -x -a 'stopped starting running frozen stopping failed'
complete -c bothy -n '__bothy_verb list "image list" "image search" "remote list" "bridge list" "port list" "range list" "mount list" "device list" "egress list" "snapshot list" "user list" "volume list"' -s o -l output -x -a 'table wide names json'
complete -c bothy -n '__bothy_verb list' -s f -l filter -x -a 'name= state= image= owner='
complete -c bothy -n '__bothy_verb run create launch' -l network -x -a 'nat none (bothy bridge list -q 2>/dev/null | sed "/^bothy0\$/d; s/^/lan:/")'
complete -c bothy -n '__bothy_verb "port remove"; and not __bothy_verb once "port remove"' -a '(bothy port list -q (__bothy_words)[3] 2>/dev/null)'
complete -c bothy -n '__bothy_verb kill' -s s -l signal -x -a 'SIG(__fish_make_completion_signals; printf "%s\n" $__kill_signals | string match -rg "^\d+ (.*)")'
complete -c bothy -n '__bothy_verb kill' -l whom -x -a 'leader all'
complete -c bothy -n '__bothy_verb "device remove"; and not __bothy_verb once "device remove"' -a '(bothy device list -q (__bothy_words)[-1] 2>/dev/null)'
complete -c bothy -n '__bothy_verb "device add"; and not __bothy_verb once "device add"' -a 'gpu sound camera input serial kvm tun fuse'
complete -c bothy -n '__bothy_verb "mount add"; and not __bothy_verb once "mount add"' -a '(__fish_complete_directories)'
complete -c bothy -n '__bothy_verb cp "file push" "file pull" "file edit"' -F -a '(bothy list -q -f state=running 2>/dev/null | sed "s/\$/:/")'
complete -c bothy -n '__bothy_verb "mount remove"; and not __bothy_verb once "mount remove"' -a '(bothy mount list -q (__bothy_words)[-1] 2>/dev/null)'
complete -c bothy -n '__bothy_verb run create launch' -l device -x -a 'gpu sound camera input serial kvm tun fuse (bothy device list --host -q 2>/dev/null)'
complete -c bothy -n '__bothy_verb run create launch' -s v -l volume -x -a '(__fish_complete_directories)'

# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of bothy(1) for bash.

# The verbs, and the options of one of them, are what its help says.
__bothy_verbs() {
    bothy help 2>/dev/null | sed -n '/^  [a-z]/{s/^  \([a-z-]*\).*/\1/;p}' | sort -u
}

__bothy_subverbs() {
    bothy help "$1" 2>/dev/null | sed -n 's/^  [a-z]* \([a-z-]*\) .*/\1/p'
}

__bothy_options() {
    "$@" --help 2>/dev/null | sed -n 's/^  \(-., \)\?\(--[a-z-]*\).*/\2/p'
}

# Where images come from, as names begin: REMOTE: of catalogues, HOST/ of registries.
__bothy_remotes() {
    bothy remote list -q 2>/dev/null | sed '/\./s,$,/,; /\./!s,$,:,'
}

# Networks of bridges that are not the machine's own.
__bothy_lans() {
    bothy bridge list -q 2>/dev/null | sed '/^bothy0$/d; s/^/lan:/'
}

# Among WORDS, of which some have a colon: readline ends words there, and bothy does not.
__bothy_names() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
    [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *[:/] ]] || compopt -o nospace 2>/dev/null
    ! declare -F __ltrim_colon_completions >/dev/null || __ltrim_colon_completions "$cur"
}

_bothy() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
    local verb= sub= word i count=0 containers=no

    COMPREPLY=()
    ! declare -F _get_comp_words_by_ref >/dev/null || _get_comp_words_by_ref -n : cur prev words cword
    for ((i = 1; i < cword; i++)); do
        word=${words[i]}
        case $word in
            --) return ;;
            -H|--host) ((i++)); continue ;;
            -*) continue ;;
        esac
        if [[ -z $verb ]]; then
            verb=$word
        elif [[ -z $sub && ( $verb == bridge || $verb == device || $verb == egress || $verb == file || $verb == image || $verb == mount || $verb == nic || $verb == port || $verb == range || $verb == remote || $verb == snapshot || $verb == user || $verb == volume ) ]]; then
            sub=$word
        else
            ((count++))
        fi
    done

    if [[ -z $verb ]]; then
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$(__bothy_options bothy)" -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -W "$(__bothy_verbs)" -- "$cur")
        fi
        return
    fi
    if [[ ( $verb == bridge || $verb == device || $verb == egress || $verb == file || $verb == image || $verb == mount || $verb == nic || $verb == port || $verb == range || $verb == remote || $verb == snapshot || $verb == user || $verb == volume ) && -z $sub ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(__bothy_subverbs "$verb")" -- "$cur")
        return
    fi
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(__bothy_options bothy $verb $sub)" -- "$cur")
        return
    fi
    case $prev in
        --state) mapfile -t COMPREPLY < <(compgen -W "stopped starting running frozen stopping failed" -- "$cur"); return ;;
        --signal) mapfile -t COMPREPLY < <(compgen -A signal -- "SIG${cur#SIG}"); return ;;
        -s) [[ $verb != kill ]] || { mapfile -t COMPREPLY < <(compgen -A signal -- "SIG${cur#SIG}"); return; } ;;
        --network)
            if [[ $verb == adopt ]]; then
                mapfile -t COMPREPLY < <(compgen -W "nat none" -- "$cur")
            else
                __bothy_names "nat none $(__bothy_lans)"
            fi
            return ;;
        -o|--output) mapfile -t COMPREPLY < <(compgen -W "table wide names json" -- "$cur"); return ;;
        -f|--filter)
            [[ $verb != list ]] || { mapfile -t COMPREPLY < <(compgen -W "name= state= image= owner=" -- "$cur")
                                     compopt -o nospace 2>/dev/null; return; } ;;
        --format) mapfile -t COMPREPLY < <(compgen -W "tar oci incus" -- "$cur"); return ;;
        --whom) mapfile -t COMPREPLY < <(compgen -W "leader all" -- "$cur"); return ;;
        --owner) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
        --health-on-failure) mapfile -t COMPREPLY < <(compgen -W "none restart stop kill" -- "$cur"); return ;;
        --restart) mapfile -t COMPREPLY < <(compgen -W "no on-failure always" -- "$cur"); return ;;
        --after) mapfile -t COMPREPLY < <(compgen -W "$(bothy list -q 2>/dev/null)" -- "$cur"); return ;;
        --device)
            mapfile -t COMPREPLY < <(compgen -W "gpu sound camera input serial kvm tun fuse $(bothy device list --host -q 2>/dev/null)" -- "$cur")
            return ;;
        -v|--volume) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames -o nospace 2>/dev/null; return ;;
    esac

    case "$verb${sub:+ $sub}" in
        run|create|launch)
            [[ $count -gt 0 ]] || __bothy_names "$(bothy image list -q 2>/dev/null; __bothy_remotes)" ;;
        "image info"|"image delete"|"image refresh"|"image untag") __bothy_names "$(bothy image list -q 2>/dev/null)" ;;
        "image tag") [[ $count -gt 0 ]] || __bothy_names "$(bothy image list -q 2>/dev/null)" ;;
        "image export")
            if [[ $count -gt 0 ]]; then
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                compopt -o filenames 2>/dev/null
            else
                __bothy_names "$(bothy image list -q 2>/dev/null)"
            fi ;;
        push)
            if [[ $count -gt 0 ]]; then
                __bothy_names "$(__bothy_remotes)"
            else
                __bothy_names "$(bothy image list -q 2>/dev/null; bothy list -q 2>/dev/null)"
            fi ;;
        "image push")
            if [[ $count -gt 0 ]]; then
                __bothy_names "$(__bothy_remotes)"
            else
                __bothy_names "$(bothy image list -q 2>/dev/null)"
            fi ;;
        export)
            if [[ $count -gt 0 ]]; then
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                compopt -o filenames 2>/dev/null
            else
                containers=yes
            fi ;;
        import)
            [[ $count -gt 0 ]] || { mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; } ;;
        "image pull"|"image search") [[ $count -gt 0 ]] || __bothy_names "$(__bothy_remotes)" ;;
        "bridge delegate"|"bridge revoke"|"bridge delete")
            [[ $count -gt 0 ]] || mapfile -t COMPREPLY < <(compgen -W "$(bothy bridge list -q 2>/dev/null)" -- "$cur")
            [[ $count -ne 1 ]] || mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
        "bridge import-lxc") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null ;;
        "remote remove"|"remote login"|"remote logout") mapfile -t COMPREPLY < <(compgen -W "$(bothy remote list -q 2>/dev/null)" -- "$cur") ;;
        "image import") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null ;;
        help) mapfile -t COMPREPLY < <(compgen -W "$(__bothy_verbs)" -- "$cur") ;;
        unshare|userns-exec) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
        "range release" | "range reclaim")
            mapfile -t COMPREPLY < <(compgen -W "$(bothy range list --quiet 2>/dev/null)" -- "$cur") ;;
        "device add")
            [[ $count -gt 0 ]] || containers=yes
            [[ $count -ne 2 ]] || mapfile -t COMPREPLY < <(compgen -W "gpu sound camera input serial kvm tun fuse" -- "$cur") ;;
        "device remove")
            if [[ $count -gt 0 ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(bothy device list -q "$prev" 2>/dev/null)" -- "$cur")
            else
                containers=yes
            fi ;;
        "mount add")
            if [[ $count -gt 0 ]]; then
                mapfile -t COMPREPLY < <(compgen -d -- "$cur")
                compopt -o filenames -o nospace 2>/dev/null
            else
                containers=yes
            fi ;;
        "mount remove")
            if [[ $count -gt 0 ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(bothy mount list -q "$prev" 2>/dev/null)" -- "$cur")
            else
                containers=yes
            fi ;;
        cp|"file push"|"file pull"|"file edit")
            mapfile -t COMPREPLY < <(compgen -f -- "$cur"; compgen -W "$(bothy list -q -f state=running 2>/dev/null | sed 's/$/:/')" -- "$cur")
            compopt -o filenames -o nospace 2>/dev/null ;;
        "user set-ceiling")
            if [[ $count -gt 0 ]]; then
                mapfile -t COMPREPLY < <(compgen -W "memory= cpu= pids= disk= inodes=" -- "$cur"); compopt -o nospace 2>/dev/null
            else
                mapfile -t COMPREPLY < <(compgen -u -- "$cur")
            fi ;;
        "volume info"|"volume delete") mapfile -t COMPREPLY < <(compgen -W "$(bothy volume list -q 2>/dev/null)" -- "$cur") ;;
        "mount list"|"device list") [[ $count -gt 0 ]] || containers=yes ;;
        "snapshot restore"|"snapshot delete"|"snapshot diff"|diff)
            if [[ $count -gt 0 ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(bothy snapshot list -q "${words[cword-count]}" 2>/dev/null)" -- "$cur")
            else
                containers=yes
            fi ;;
        "snapshot create"|"snapshot list"|copy|commit) [[ $count -gt 0 ]] || containers=yes ;;
        adopt)
            if [[ " ${words[*]} " == *" --undo "* ]]; then
                containers=yes
            elif [[ $count -eq 0 && ( $cur == /* || $cur == .* ) ]]; then
                mapfile -t COMPREPLY < <(compgen -d -- "$cur")
                compopt -o filenames 2>/dev/null
            elif [[ $count -eq 0 ]]; then
                __bothy_names "$(bothy adopt --list -q 2>/dev/null)"
            fi ;;
        autostart)
            if [[ $count -gt 0 ]]; then
                mapfile -t COMPREPLY < <(compgen -W "boot login on-demand no" -- "$cur")
            else
                containers=yes
            fi ;;
        "port remove")
            if [[ $count -gt 0 ]]; then
                __bothy_names "$(bothy port list -q "${words[cword-count]}" 2>/dev/null)"
            else
                containers=yes
            fi ;;
        exec|shell|console|files|logs|history|rename|"egress list"|"egress set"|"egress allow"|"egress deny"|"port add"|"port list") [[ $count -gt 0 ]] || containers=yes ;;
        limit)
            if [[ $count -gt 0 ]]; then
                mapfile -t COMPREPLY < <(compgen -W "memory= memory-high= swap= cpu= cpu-weight= cpus= io-weight= pids= disk= inodes=" -- "$cur")
                compopt -o nospace 2>/dev/null
            else
                containers=yes
            fi ;;
        start) mapfile -t COMPREPLY < <(compgen -W "$(bothy list -q -f state=stopped -f state=failed 2>/dev/null)" -- "$cur") ;;
        stop|restart|freeze|thaw|kill|info|wait|delete) containers=yes ;;
    esac
    [[ $containers == no ]] || mapfile -t COMPREPLY < <(compgen -W "$(bothy list -q 2>/dev/null)" -- "$cur")
}

complete -F _bothy bothy

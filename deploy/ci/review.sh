#!/usr/bin/env bash
# Reviews the commits of a change in any CI: what HEAD has and BASE has not. It needs bash, git and quorate.
#
#   BASE     where the change is to go: a commit, or a branch of `origin`. Needed.
#   HEAD     the last commit of the change. By default what is checked out.
#   REPORTS  a folder for review.md, review.sarif and review.json. By default none is written.
#   FAIL_ON  critical, high (the default), medium, low, info or never.
#
# Further arguments go to `quorate review`. The exit code is that of `quorate review`: 0 is well, 1 is a finding, 2 is
# wrong usage, and 3 is a review that could not be completed.
set -euo pipefail

say() { printf 'review.sh: %s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 2
}

# The commit that a name stands for; nothing if it is not here.
commit_of() { git rev-parse --quiet --verify --end-of-options "$1^{commit}" 2>/dev/null || true; }

is_shallow() { [ "$(git rev-parse --is-shallow-repository)" = true ]; }

# Like commit_of, but what is not here is fetched.
wanted() {
    local commit
    commit=$(commit_of "$1")
    if [ -z "$commit" ]; then
        say "$1 is not here: fetching it"
        local options=(--quiet --no-tags)
        # In a whole clone, a limit would cut off what is there already.
        if is_shallow; then options+=(--depth=1); fi
        git fetch "${options[@]}" origin "$1" >&2 ||
            fail "$1 could not be fetched from origin: check the name, or check out with more history"
        commit=$(git rev-parse --verify FETCH_HEAD)
    fi
    printf '%s\n' "$commit"
}

git rev-parse --git-dir >/dev/null || fail "this is no repository that git reads: run it in a checkout"
[ -n "${BASE:-}" ] || fail "BASE is not set: give the commit or branch that the change is to go to"
for name in "$BASE" "${HEAD:-HEAD}"; do
    case "$name" in
    [-+]* | *:*) fail "$name is no name of a commit or branch" ;;
    esac
done
head=$(wanted "${HEAD:-HEAD}")

case "$BASE" in
*[!0]*)
    base=$(wanted "$BASE")
    # A shallow clone ends somewhere: get more until the two meet.
    for depth in 50 500 5000 all; do
        if git merge-base "$base" "$head" >/dev/null; then break; fi
        is_shallow || break
        say "the history is too short to see where the change began: fetching more ($depth)"
        if [ "$depth" = all ]; then deeper=(--unshallow); else deeper=("--deepen=$depth"); fi
        git fetch --quiet --no-tags "${deeper[@]}" origin "$base" "$head" >&2 ||
            git fetch --quiet --no-tags "${deeper[@]}" origin >&2 ||
            fail "no more history could be fetched from origin: check out with all of it"
    done
    git merge-base "$base" "$head" >/dev/null || fail "$BASE and ${HEAD:-HEAD} have no common commit"
    range="$base...$head"
    ;;
*)
    say "there was no commit before this one: reviewing it alone"
    # Where a shallow clone ends, a commit seems to have added all there is.
    if is_shallow; then git fetch --quiet --no-tags --depth=2 origin "$head" >&2; fi
    range="$head"
    ;;
esac

options=(--range "$range" --fail-on "${FAIL_ON:-high}" --quiet)
if [ -n "${REPORTS:-}" ]; then
    mkdir -p "$REPORTS"
    for format in markdown=md sarif=sarif json=json; do
        options+=(--also "${format%=*}=$REPORTS/review.${format#*=}")
    done
fi
exec quorate review "${options[@]}" "$@"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The layer rules of the design, as a test: who may include what, who may link
# what, what is exported, which functions nobody may call. It proves itself: it
# plants a breach of every rule in a copy of the sources and expects to see it.
#
#	tests/layers.sh [--sources-only]     STOKER_BUILD_DIR tells where the build is
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
build=${STOKER_BUILD_DIR:-$here/build}

# "file:line header" of every include below the given folders.
includes() {
	grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"][^>"]+[>"]' "$@" 2>/dev/null |
		sed -E 's/^([^:]+:[0-9]+):[^<"]*[<"]([^>"]+)[>"].*/\1 \2/'
}

# breach WHAT LINES: prints the lines, if any, as a breach.
breaches=0
breach() {
	[ -n "$2" ] || return 0
	printf '%s:\n' "$1"
	printf '%s\n' "$2" | sed 's/^/  /'
	breaches=$((breaches + 1))
}

# A header that may be included in files matching the pattern only.
only_in() {
	breach "<$1> outside $2" "$(includes src ui assets | awk -v h="$1" -v f="$2" '$2 ~ h && $1 !~ f')"
}

check_sources() {
	cd "$1"
	breaches=0
	# ui/ sees of libstoker nothing but stoker.h: no path that leaves ui/, no name of a header of src/.
	breach 'ui/ includes something of src/' "$(includes ui | awk '$2 ~ /(^|\/)(src|supervisor|backend|net|guest)\//')"
	local header name
	while read -r header; do
		name=${header##*/}
		[ -z "$(find ui -name "$name" -print -quit)" ] || continue
		breach "ui/ includes $header" "$(includes ui | awk -v n="$name" '{ h = $2; sub(/.*\//, "", h) } h == n')"
	done < <(find src -name '*.h')
	breach 'src/ includes something of ui/' "$(includes src | awk '$2 ~ /(^|\/)ui\// || $2 ~ /^(cli|tui|common)\//')"
	only_in '^(n?curses(w)?|ncursesw\/.*|panel)\.h$' '^ui/tui/screen_curses\.c:'
	only_in '^vterm' '^ui/tui/term\.c:'
	only_in '^libssh2' '^src/guest/ssh[a-z_]*\.c:'
	only_in '^sqlite3\.h' '^src/store[a-z_]*\.[ch]:'
	only_in '^curl\/' '^src/backend/http[a-z_]*\.c:'
	only_in '^(netlink|libnl3|linux\/(rt)?netlink)' '^src/net/'
	only_in '^(cjson\/)?cJSON' '^(src|ui)/'
	# The supervisor is a program of its own: libc and its small shared parts.
	breach 'the supervisor includes something big' "$(includes src/supervisor |
		awk '$2 ~ /^(libssh2|sqlite3|curl|cjson|openssl|ini\.h|curses|vterm)/ || $2 ~ /store\.h|handle\.h|session\.h/')"
	# Pure parts of the dashboard know neither files, threads nor clocks.
	breach 'model, update or a view knows files, threads or clocks' "$(includes ui/tui |
		awk '$1 ~ /^ui\/tui\/(model|update|view)[a-z_]*\.[ch]:/ &&
			$2 ~ /^(pthread|unistd|fcntl|poll|time|signal|sys\/(stat|time|socket|epoll|inotify).*)\.h$/')"
	# Called anywhere, these are a mistake sooner or later.
	breach 'a banned function' "$(grep -rnE --include='*.[ch]' \
		'(^|[^[:alnum:]_>.])(strcpy|strcat|sprintf|vsprintf|gets|system|popen|alloca|strtok|tmpnam|mktemp)[[:space:]]*\(' \
		src ui assets 2>/dev/null | grep -vE ':[0-9]+:[[:space:]]*(\*|/\*|//)' || true)"
	breach 'a source file without its licence' "$(find src ui include tests assets -name '*.[ch]' -exec \
		sh -c 'for f; do head -n 12 "$f" | grep -q "SPDX-License-Identifier: Apache-2.0" || echo "$f"; done' sh {} +)"
	return $((breaches > 0))
}

needed() {
	readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

check_links() {
	cd "$build"
	breaches=0
	breach 'stoker-supervisor links more than libc' "$(needed stoker-supervisor | grep -vE '^(libc\.so|ld-linux|linux-vdso)' || true)"
	breach 'stoker links what only libstoker may' "$(needed stoker | grep -E 'sqlite|ssh2|libcrypto|libcurl|libnl|inih' || true)"
	breach 'libstoker links a terminal' "$(needed libstoker.so | grep -E 'curses|tinfo|vterm' || true)"
	breach 'libstoker exports something else than stoker_*' "$(nm -D --defined-only libstoker.so |
		awk '$2 != "A" && $3 !~ /^stoker_/ { print $3 }')"
	# Every function that the header promises is there.
	local symbol missing=''
	while read -r symbol; do
		nm -D --defined-only libstoker.so | awk '{ sub(/@.*/, "", $3); print $3 }' | grep -qx "$symbol" || missing+="$symbol "
	done < <(tr '\n' ' ' <"$here/include/stoker.h" | grep -oE 'STOKER_API [^;]*;' | grep -oE 'stoker_[a-z_]+\(' | tr -d '(' | sort -u)
	breach 'stoker.h promises what libstoker does not have' "$missing"
	breach 'stoker-init is not static' "$(readelf -d stoker-init | grep NEEDED || true)"
	return $((breaches > 0))
}

# plant FILE TEXT...: the rules must see it.
plant() {
	local file=$1 text=$2 copy
	copy=$(mktemp -d)
	cp -r "$here/src" "$here/ui" "$here/include" "$copy/"
	mkdir -p "$copy/assets" "$copy/tests"
	mkdir -p "$copy/$(dirname "$file")"
	printf '/* SPDX-License-Identifier: Apache-2.0 */\n%s\n' "$text" >>"$copy/$file"
	if (check_sources "$copy") >/dev/null; then
		printf 'the rules do not see "%s" in %s\n' "$text" "$file"
		rm -rf "$copy"
		exit 1
	fi
	rm -rf "$copy"
}

(check_sources "$here") || exit 1
plant ui/cli/planted.c '#include "../../src/store.h"'
plant ui/cli/planted.c '#include "store.h"'
plant ui/tui/planted.c '#include <curses.h>'
plant ui/tui/screen_curses.c '#include <vterm.h>'
plant ui/tui/view_planted.c '#include <unistd.h>'
plant src/planted.c '#include "tui/screen.h"'
plant src/planted.c '#include <libssh2.h>'
plant src/guest/planted.c '#include <sqlite3.h>'
plant src/supervisor/planted.c '#include "../store.h"'
plant src/planted.c 'int f(char *s); int f(char *s) { return system(s); }'
if [ "${1:-}" != --sources-only ]; then
	(check_links) || exit 1
fi
printf 'layers: all rules hold\n'

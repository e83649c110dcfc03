#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What `cmake --install` puts in place is whole: the installed program works
# without the build folder, and a program of somebody else's can be built
# against the installed library.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need cmake gcc pkg-config nm readelf
need_image

check 'install'
prefix=$T/prefix
ok cmake --install "$BUILD_DIR" --prefix "$prefix"
lib=$(dirname "$(find "$prefix" -name libstoker.so)")
for file in bin/stoker libexec/stoker/stoker-supervisor libexec/stoker/stoker-init include/stoker.h \
	share/stoker/images/micro/build.sh share/man/man1/stoker.1 share/man/man5/stoker.conf.5 share/man/man3/stoker.3 \
	share/bash-completion/completions/stoker share/zsh/site-functions/_stoker \
	share/fish/vendor_completions.d/stoker.fish; do
	expect_file "$prefix/$file"
	[ -s "$prefix/$file" ] || fail "$file is empty"
done
expect_file "$lib/pkgconfig/stoker.pc"
expect_match "$(readelf -d "$lib/libstoker.so")" 'SONAME.*libstoker\.so\.[0-9]+\]'
expect_equal "$(nm -D --defined-only "$lib/libstoker.so" | awk '$2 != "A" && $3 !~ /^stoker_/')" '' 'foreign symbols'

check 'hardening'
for file in "$prefix/bin/stoker" "$prefix/libexec/stoker/stoker-supervisor" "$lib/libstoker.so"; do
	expect_match "$(readelf -d "$file")" 'BIND_NOW|FLAGS.*NOW'
	expect_match "$(readelf -lW "$file")" 'GNU_RELRO'
	expect_match "$(readelf -lW "$file" | grep GNU_STACK)" ' RW '
done
expect_match "$(readelf -h "$prefix/bin/stoker")" 'DYN'

check 'the installed program, by itself'
STOKER_PROGRAM=$prefix/bin/stoker
cd /
ok stoker version
ok env PATH=/usr/bin:/bin:/usr/sbin:/sbin "$prefix/bin/stoker" doctor --json
expect_equal "$(realpath "$(jq -r '.checks[] | select(.name == "supervisor").reason' <<<"$OUT")")" \
	"$prefix/libexec/stoker/stoker-supervisor"
ok stoker image build micro --quiet
new_vm installed --start
ok stoker exec installed -- echo from the guest
expect_equal "$OUT" 'from the guest'
ok stoker delete installed --force

check 'a program of somebody else'
export PKG_CONFIG_PATH=$lib/pkgconfig
read -ra flags <<<"$(pkg-config --cflags --libs stoker)"
ok gcc -Wall -Werror -o "$T/list" "$SOURCE_DIR/assets/examples/list.c" "${flags[@]}" -Wl,-rpath,"$lib"
ok "$T/list"
expect_match "$OUT" 'NAME +STATUS'

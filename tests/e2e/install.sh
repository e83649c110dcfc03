#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What `cmake --install` puts in place is whole: the installed program works
# without the build folder, and a program of somebody else's can be built
# against the installed library.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need cmake gcc pkg-config nm readelf
need_image

check 'what is missing is listed, or installed with a word about it; what is there is enough'
deps=$SOURCE_DIR/tests/deps.sh
cp -rs /usr/bin "$T/bin"
rm "$T/bin/lz4"
expect_status 1 env PATH="$T/bin" bash "$deps" --no-install run
expect_match "$ERR" 'sudo apt-get install --no-install-recommends .*lz4$'
# A machine whose packages stoker does not know.
rm "$T/bin/apt-get"
expect_status 1 env PATH="$T/bin" bash "$deps" run
expect_match "$ERR" 'not Debian or Ubuntu.*'$'\n''  lz4$'
ln -s "$(command -v lz4)" "$T/bin/lz4"
ok env PATH="$T/bin" bash "$deps" run
expect_equal "$OUT$ERR" ''
# Nothing is installed on this machine: apt-get only says what it was asked, and brings lz4.
rm "$T/bin/lz4"
cat >"$T/bin/apt-get" <<END
#!/bin/sh
echo "\$(id -u) \$*" >>"$T/asked"
case \$1 in install) ln -s "$(command -v lz4)" "$T/bin/lz4" ;; esac
END
chmod 755 "$T/bin/apt-get"
: >"$T/asked"
if [ "$(id -u)" = 0 ]; then
	ok env PATH="$T/bin" bash "$deps" run
	expect_match "$OUT" 'Installing lz4'
	expect_match "$(tail -n 1 "$T/asked")" '^0 install -y --no-install-recommends lz4'
	rm "$T/bin/lz4"
	chmod 711 "$T"
	chmod 777 "$T/bin"
	chmod 666 "$T/asked"
	cp "$deps" "$T/deps.sh"
	other=(setpriv --reuid 65534 --regid 65534 --clear-groups env PATH="$T/bin")
	rm -f "$T/bin/sudo"
	expect_status 1 "${other[@]}" bash "$T/deps.sh" run
	expect_match "$ERR" 'neither root nor sudo is here. As root, run:'$'\n''  apt-get install .*lz4$'
	printf '#!/bin/sh\necho "sudo $*" >>"%s"\nexec "$@"\n' "$T/asked" >"$T/bin/sudo"
	chmod 755 "$T/bin/sudo"
	ok "${other[@]}" bash "$T/deps.sh" run
	expect_match "$(cat "$T/asked")" 'sudo env DEBIAN_FRONTEND=noninteractive apt-get install .*lz4'
	chmod 700 "$T"
fi

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
# It finds the supervisor by the library, wherever the prefix was moved to.
ok gcc -Wall -Werror -o "$T/phases" "$SOURCE_DIR/assets/examples/phases.c" "${flags[@]}" -Wl,-rpath,"$lib"
ok env -u STOKER_SUPERVISOR "$T/phases"
# And the recipes and the init.
cat >"$T/build.c" <<'END'
#include <stdio.h>
#include <stoker.h>

int main(void)
{
	struct stoker_error err = { 0 };
	struct stoker_image_spec spec = { .recipe = "micro", .kernel = "debian" };
	bool built = false;
	stoker *s;

	if (stoker_open(NULL, &s, &err) != STOKER_OK || stoker_image_build(s, &spec, NULL, &built, &err) != STOKER_OK)
		return fprintf(stderr, "%s: %s. %s\n", err.what, err.why, err.fix), 1;
	stoker_close(s);
	return !built;
}
END
mv "$prefix" "$prefix-moved"
ok gcc -Wall -Werror -o "$T/build" "$T/build.c" -I"$prefix-moved/include" -L"${lib/$prefix/$prefix-moved}" -lstoker \
	-Wl,-rpath,"${lib/$prefix/$prefix-moved}"
ok env -u STOKER_SUPERVISOR -u STOKER_INIT -u STOKER_DATA_DIR STOKER_IMAGE_DIR="$T/images-moved" "$T/build"
cache=$(package_cache)
expect_equal "$(jq -r .digest "$T/images-moved/micro/image.json")" "$(sh "$prefix-moved/share/stoker/images/micro/build.sh" --digest \
	--init "$prefix-moved/libexec/stoker/stoker-init" --cache "$cache" --kernel-from debian)" 'built from something else'
mv "$prefix-moved" "$prefix"

#!/bin/sh
# Writes small files for a target that lists dumps, their kind in the first byte: seeds_of_dumps.sh TARGET FOLDER
set -eu
target=$1
seeds=$2
if [ "$target" = layout ]; then
    # A byte is a part of a path: see PARTS in fuzz_targets/layout.rs.
    printf '\377\000\003\020\000\004\020\001\003\021' >"$seeds/splits"
    printf '\377\011\003\020\011\004\020\015\020' >"$seeds/wrapped"
    printf '\377\003\020\020\027' >"$seeds/table"
    printf '\377\007\020\013\174' >"$seeds/ttd"
    printf '\377\010\005\021\173' >"$seeds/b-t4sa"
    exit 0
fi
if [ "$target" = tables ]; then
    printf '\000a.jpg 0\r\nb c.jpg cat\n\n' >"$seeds/list"
    printf '\001id,breed\na,pug\n"b,c","d"\n' >"$seeds/csv"
    printf '\001path,label,text\na,x,"one\ntwo"\n' >"$seeds/lines"
    printf '\002path\tsplit\tlabel\na\ttrain\t1\n' >"$seeds/tsv"
    printf '\203sep=;\n# by hand\npath;label\na.jpg;2.0\nB\\c.jpg;1000\n' >"$seeds/labels"
    printf '\004TWID\tNEG\tNEU\tPOS\n1\t0\t0.5\t0.5\n' >"$seeds/scores"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir -p "$work/cat" "$work/data/7"
echo photo >"$work/cat/a.jpg"
ln -s a.jpg "$work/cat/b.jpg"
echo photo >"$work/data/7/7-1.jpg"
echo "data/7/7-1.jpg 0" >"$work/b-t4sa_train.txt"
for format in gnu posix ustar v7; do
    { printf '\000'; tar -C "$work" --format="$format" -cf - .; } >"$seeds/$format.tar"
done
# 130 asks for classes of any name: files with holes, links to folders, absolute names.
folders=$work/folders
mkdir -p "$folders/cat/deep" "$folders/dog"
echo photo >"$folders/cat/deep/a.jpg"
printf 'photo' | dd of="$folders/dog/holes.jpg" bs=1 seek=4096 status=none
for piece in 1 2 3 4 5 6; do
    printf 'photo' | dd of="$folders/dog/many.jpg" bs=1024 seek="$piece" status=none
done
ln -s ../cat "$folders/dog/cats"
ln -s ../../dog "$folders/cat/deep/dogs"
ln -s none "$folders/dog/nothing"
ln "$folders/cat/deep/a.jpg" "$folders/dog/hard.jpg"
for options in --format=gnu "--format=posix --sparse-version=0.0" "--format=posix --sparse-version=0.1" \
    "--format=posix --sparse-version=1.0" --absolute-names; do
    from=.
    [ "$options" != --absolute-names ] || from=$folders
    # shellcheck disable=SC2086
    { printf '\202'; tar -C "$folders" -b 1 --sparse --hole-detection=raw $options -cf - "$from"; } \
        >"$seeds/folders$(echo "$options" | tr -d ' =.-').tar"
done

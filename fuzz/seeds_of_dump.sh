#!/bin/sh
# Writes a small file of each kind that the target `dump` knows, its kind in the first byte: seeds_of_dump.sh FOLDER
set -eu
seeds=$1
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
# 130 asks for folders as classes: files with holes, links to folders, absolute names.
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
printf '\001a.jpg 0\r\nb c.jpg cat\n\n' >"$seeds/list"
printf '\002id,breed\na,pug\n"b,c","d\ne"\n' >"$seeds/csv"
printf '\203path\tsplit\tlabel\na\ttrain\t1\n' >"$seeds/tsv"
printf '\004TWID\tNEG\tNEU\tPOS\n1\t0\t0.5\t0.5\n' >"$seeds/scores"

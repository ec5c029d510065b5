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
printf '\001a.jpg 0\r\nb c.jpg cat\n\n' >"$seeds/list"
printf '\002id,breed\na,pug\n"b,c","d\ne"\n' >"$seeds/csv"
printf '\203path\tsplit\tlabel\na\ttrain\t1\n' >"$seeds/tsv"
printf '\004TWID\tNEG\tNEU\tPOS\n1\t0\t0.5\t0.5\n' >"$seeds/scores"

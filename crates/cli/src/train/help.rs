//! The long help of `tcolz train`: what a manual page would say. No line is wider than 80 columns: clap would break it
//! without its indent.

/// After the options of `tcolz train --help`; `-h` shows the examples alone.
pub(super) const TRAIN: &str = "\
Examples:
  tcolz train out/ --model mobilenet-v2 --weights mobilenet_v2.pth
      the head alone, with every default
  tcolz train out/ --model vgg19 --weights vgg19.pth --finetune all \\
      --batch-size 16 --accumulate 4
  tcolz train out/ --model mobilenet-v1 --size 96 --flip --holdout 10%
      all layers, from random weights
  tcolz train out/ --model mobilenet-v2 --weights w.safetensors --find-lr
      which learning rate?
  tcolz train ttd/ --model mobilenet-v2 --weights w.safetensors --split all \\
      --subset five_agrees/test1/train.txt \\
      --val-subset five_agrees/test1/test.txt
  tcolz train out/ --model vgg19 --weights vgg19.h5 --preset b-t4sa-2018 \\
      --out runs/vgg19-2018

What is trained:
  --finetune head  the backbone stays as it is. Its features are computed once
                   and kept: all later epochs read them. The file's name says
                   what they are of, so that it is never taken for something
                   else, and --cache DIR shares it between runs
  --finetune all   every parameter
  Weights bring the view, padding and BatchNorm eps that they were made with.

The run's folder:
  best.safetensors          the model with the lowest validation loss
  last/                     where the run stands: weights, momentum, order,
                            receipts, options
  log.csv                   a row for each epoch
  steps.csv, times.csv      a row for each step; how long they took
  resources.csv             once a second: CPU load, memory, memory of the GPU
  curves.png, curves.svg    loss, accuracy and learning rate
  seen.parquet              which photos the model has seen: `tcolz evaluate`
                            counts them
  trained.txt, holdout.txt  with --holdout: which samples

Stopping and resuming:
  Ctrl-C finishes the step in hand and writes a checkpoint; again, it stops at
  once. After that, or a kill, the same command resumes, and ends with the same
  weights bit for bit (on the same machine, with the same build and threads).
  Other options are refused; --restart discards what is there. A finished run
  stays as it is; with more --epochs it resumes, its learning rate as in a run
  of so many.

--preset b-t4sa-2018:
  epochs 15, batch 64 (head) or 48 (all), momentum 0.9, learning rate 0.001 by
  the schedule b-t4sa-2018, weight decay 0.00001 on the kernels of
  convolutions, patience 5

Events of --json, one object a line:
  note, warning, begun, features_begun, features, step, validating, epoch,
  finished, finder

Exit codes:
  0 done   1 failed   2 wrong usage   130 interrupted";

/// The examples of [`TRAIN`].
pub(super) fn examples() -> &'static str {
    TRAIN.split_once("\n\n").map_or(TRAIN, |(examples, _)| examples)
}

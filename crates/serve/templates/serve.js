
'use strict';
const $ = (id) => document.getElementById(id);
// Requests at a time, answers that stay on the page, tries while the service is busy.
const TOGETHER = 4, KEPT = 50, TRIES = 4;
// Milliseconds that an answer is waited for; that a screen reader is left alone in between two live labels.
const PATIENCE = 60000, QUIET = 2500;
// Classes that are all shown, each in its place; of more only the likeliest are.
const ALL = 8, LIKELIEST = 5;
// A part of the photo that moves the label by less says nothing; a map of less is drawn as faint as it is.
const LEAST = 0.001, FAINT = 0.02;
// Longest side of a camera's frame as it is sent.
const FRAME = 480;
const HUES = { positive: 2, neutral: 5, negative: 1 };
const WORDS = {
  'unknown-format': 'This file is not a photo that can be read here. JPEG, PNG, GIF, WebP and BMP can.',
  'unsupported': 'This kind of file cannot be read here. Save it as JPEG or PNG and try again.',
  'empty': 'This file is empty.', 'no-file': 'This file is empty.',
  'truncated': 'This photo is cut off: part of the file is missing.',
  'corrupt': 'This file is damaged.', 'decoder-failed': 'This file cannot be read.',
  'too-many-scans': 'This file is made in a way that would take too long to read.',
  'too-many-pixels': 'This photo has too many pixels. Make it smaller and try again.',
  'too-long': 'This file is too large. Make the photo smaller and try again.',
  'too-slow': 'The connection was too slow for this photo.',
  'busy': 'The service is busy. Try again in a moment.',
  'defect': 'The service failed at this photo.',
  'offline': 'The service cannot be reached. Is it still running?',
};
let model = { classes: ['negative', 'neutral', 'positive'], limits: {}, samples: 0 };

/* Words */
const percent = (share) => (share * 100).toFixed(1) + ' %';
const say = (text) => { $('status').textContent = text; };
class Problem extends Error {
  constructor(code, detail) {
    super(WORDS[code] || detail || WORDS.defect);
    // What the first bytes of such a file are helps nobody who looks at a page.
    this.detail = WORDS[code] && code !== 'unknown-format' ? detail : '';
  }
}
const SENTIMENT = ['positive', 'neutral', 'negative'];
const feels = () => model.classes.length === 3 && SENTIMENT.every((name) => model.classes.includes(name));
/** The classes that are shown of an answer, in their order. */
function order(answer) {
  if (feels()) return SENTIMENT;
  if (model.classes.length <= ALL) return model.classes;
  return [...model.classes].sort((a, b) => answer[b] - answer[a]).slice(0, LIKELIEST);
}

/* Requests */
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
async function predict(blob, name, tries = TRIES, path = 'predict') {
  const most = model.limits.body_bytes;
  if (blob.size === 0) throw new Problem('empty');
  // A form adds a few hundred bytes to the file.
  if (most && blob.size > most - 1000) throw new Problem('too-long', `At most ${Math.floor(most / 1e5) / 10} MB are taken, this one has ${(Math.ceil(blob.size / 1e5) / 10).toFixed(1)} MB.`);
  for (let attempt = 1; ; attempt++) {
    const form = new FormData();
    form.append('file', blob, name);
    let response, answer;
    try {
      response = await fetch(path, { method: 'POST', body: form, signal: AbortSignal.timeout(PATIENCE) });
      answer = await response.json();
    } catch (error) { throw new Problem(error.name === 'TimeoutError' ? 'busy' : 'offline'); }
    if (response.ok) return answer;
    if (response.status === 503 && attempt < tries) {
      await pause(1000 * Math.min(Number(response.headers.get('Retry-After')) || 1, 10));
      continue;
    }
    throw new Problem(answer.error?.code, answer.error?.message);
  }
}

/* Bars */
function element(tag, kind, text) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}
function show(answer, label, bars) {
  label.textContent = answer.label;
  const classes = order(answer);
  while (bars.children.length < classes.length) {
    const row = element('li'), track = element('span', 'track');
    track.setAttribute('aria-hidden', 'true');
    track.append(element('div', 'fill'));
    row.append(element('span', 'class'), track, element('span', 'percent'));
    bars.append(row);
  }
  classes.forEach((name, index) => {
    const row = bars.children[index], fill = row.querySelector('.fill');
    row.classList.toggle('most', name === answer.label);
    row.querySelector('.class').textContent = name;
    fill.className = 'fill k' + (HUES[name] ?? model.classes.indexOf(name) % 6);
    fill.style.setProperty('--share', answer[name]);
    row.querySelector('.percent').textContent = percent(answer[name]);
  });
}
/** What to know of a photo of which this share of the rows is there. */
const cut = (share) => `This photo is cut off: ${percent(Math.floor(share * 1000) / 1000)} of its rows are there, and the label is of those.`;
const inWords = (answer) => answer.label + ', ' + order(answer).map((name) => `${name} ${percent(answer[name])}`).join(', ');

/* Cards */
const waiting = [];
let running = 0, asked = 0, done = 0;
function add(blob, name) {
  const card = $('card').content.firstElementChild.cloneNode(true);
  const image = card.querySelector('img');
  image.src = URL.createObjectURL(blob);
  image.alt = 'Preview of ' + name;
  image.addEventListener('error', () => { image.hidden = true; card.querySelector('.picture').classList.add('none'); });
  card.querySelector('.name').textContent = name;
  card.querySelector('.remove').setAttribute('aria-label', 'Remove ' + name);
  card.querySelector('.remove').addEventListener('click', () => {
    const next = (card.nextElementSibling || card.previousElementSibling)?.querySelector('.remove');
    drop(card);
    (next || $('choose')).focus();
    say(name + ' removed');
  });
  card.classList.add('waiting');
  card.querySelector('.label').textContent = 'Looking …';
  $('results').prepend(card);
  while ($('results').children.length > KEPT) drop($('results').lastElementChild);
  $('labelled').hidden = false;
  reveal(card);
  asked++;
  waiting.push({ card, blob, name });
  next();
}
/** Scrolls the newest card into view: what was chosen far above would else be answered unseen. */
function reveal(card) {
  if (card === $('results').firstElementChild && $('camera').hidden) card.scrollIntoView({ block: 'nearest' });
}
function drop(card) {
  URL.revokeObjectURL(card.querySelector('img').src);
  card.remove();
  $('labelled').hidden = !$('results').children.length;
}
function next() {
  while (running < TOGETHER && waiting.length) {
    running++;
    label(waiting.shift()).finally(() => { running--; done++; count(); next(); });
  }
  count();
}
function count() {
  $('progress').textContent = done < asked ? `${done} of ${asked}` : '';
  if (done === asked) asked = done = 0;
}
async function label({ card, blob, name }) {
  if (!card.isConnected) return;
  const verdict = card.querySelector('.label');
  try {
    const answer = await predict(blob, name);
    card.classList.remove('waiting');
    show(answer, verdict, card.querySelector('.bars'));
    if (answer.recovered_share < 1) {
      card.querySelector('.problem').textContent = cut(answer.recovered_share);
      card.querySelector('.problem').hidden = false;
    }
    card.querySelector('.detail').textContent = `answered in ${answer.milliseconds.toFixed(0)} ms`;
    card.querySelector('.detail').hidden = false;
    card.querySelector('.why').hidden = false;
    card.querySelector('.why').addEventListener('click', () => explain(card, blob, name));
    say(`${name}: ${inWords(answer)}${answer.recovered_share < 1 ? '. ' + cut(answer.recovered_share) : ''}`);
  } catch (problem) {
    card.classList.remove('waiting');
    verdict.textContent = 'No label';
    card.querySelector('.problem').textContent = problem.message;
    card.querySelector('.problem').hidden = false;
    if (problem.detail) { card.querySelector('.detail').textContent = problem.detail; card.querySelector('.detail').hidden = false; }
    say(`${name}: ${problem.message}`);
  }
  reveal(card);
}
function addAll(files) {
  if (files.length > KEPT) say(`Only the first ${KEPT} of ${files.length} photos are taken.`);
  for (const file of [...files].slice(0, KEPT)) add(file, file.name || 'pasted photo');
}

/* What spoke for a label: the probability that it loses when a part of the photo is hidden */
const shade = (key) => getComputedStyle(key).backgroundColor.match(/\d+/g).slice(0, 3).map(Number);
async function explain(card, blob, name) {
  const button = card.querySelector('.why'), reason = card.querySelector('.reason');
  button.disabled = true;
  button.textContent = 'Looking closer …';
  reason.hidden = false;
  try {
    const answer = await predict(blob, name, TRIES, 'map');
    const words = strongest(answer.map, answer.label);
    button.hidden = true;
    reason.textContent = words;
    if (moves(answer.map)) {
      const keys = [element('span', 'key for'), element('span', 'key against')];
      reason.prepend(keys[0], `spoke for “${answer.label}”, `, keys[1], 'against it. ');
      lay(answer.map, card.querySelector('.frame'), keys.map(shade));
    }
    say(`${name}: ${words}`);
    button.blur();
    card.querySelector('.remove').focus({ preventScroll: true });
  } catch (problem) {
    button.disabled = false;
    button.textContent = 'What spoke for it?';
    reason.textContent = problem.message;
    say(problem.message);
  }
}
const moves = (map) => map.flat().some((weight) => Math.abs(weight) >= LEAST);
/** Draws a map over a preview, in the colours for and against. */
function lay(map, frame, colours) {
  const most = Math.max(FAINT, ...map.flat().map(Math.abs)), cells = map.length;
  const canvas = element('canvas'), pixels = new ImageData(cells, cells);
  map.flat().forEach((weight, cell) => {
    pixels.data.set([...colours[weight > 0 ? 0 : 1], 255 * Math.abs(weight) / most], 4 * cell);
  });
  canvas.width = canvas.height = cells;
  canvas.getContext('2d').putImageData(pixels, 0, 0);
  canvas.setAttribute('aria-hidden', 'true');
  frame.classList.add('explained');
  place(canvas, frame.querySelector('img'));
  frame.append(canvas);
}
/** The part of the preview that the network saw, as the recipe fits it into a square. */
function place(canvas, image) {
  const [width, height] = [image.clientWidth || 1, image.clientHeight || 1];
  const fit = model.recipe?.fit, side = fit === 'crop' ? Math.min(width, height) : Math.max(width, height);
  const [w, h] = fit === 'squash' ? [width, height] : [side, side];
  const share = (part, whole) => (100 * part / whole) + '%';
  Object.assign(canvas.style, {
    width: share(w, width), height: share(h, height), left: share((width - w) / 2, width), top: share((height - h) / 2, height),
  });
}
function strongest(map, label) {
  const flat = map.flat(), most = Math.max(...flat), cell = flat.indexOf(most), side = map.length;
  const third = (place, words) => words[Math.floor(3 * place / side)];
  const where = [third(Math.floor(cell / side), ['upper', 'middle', 'lower']), third(cell % side, ['left', 'middle', 'right'])];
  if (most < LEAST) return `No part alone spoke for “${label}”.`;
  const named = where[0] === where[1] ? 'the middle' : `the ${where[0]} ${where[1]}`;
  return `Most of all ${named}: without it “${label}” has ${(100 * most).toFixed(1)} points less.`;
}

/* Ways in: choose, drop, paste, samples */
$('choose').addEventListener('change', () => { addAll($('choose').files); $('choose').value = ''; });
let inside = 0;
addEventListener('dragenter', (event) => { event.preventDefault(); inside++; $('drop').classList.add('over'); });
addEventListener('dragleave', () => { if (--inside <= 0) { inside = 0; $('drop').classList.remove('over'); } });
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => {
  event.preventDefault();
  inside = 0;
  $('drop').classList.remove('over');
  if (event.dataTransfer.files.length) addAll(event.dataTransfer.files);
  else note('That was no file. Save the picture first, then drop the file.');
});
addEventListener('paste', (event) => {
  if (event.clipboardData.files.length) { event.preventDefault(); addAll(event.clipboardData.files); }
  else note('There is no picture to paste. Copy the picture itself, not its address.');
});
function note(text) { $('limits').textContent = text; $('limits').className = 'problem small'; say(text); }
function samples() {
  for (let number = 0; number < model.samples; number++) {
    const button = element('button'), image = element('img'), name = `sample ${number + 1}`;
    button.type = 'button';
    button.setAttribute('aria-label', 'Label ' + name + ', a drawn picture');
    image.src = `samples/${number}.jpg`;
    image.alt = '';
    button.append(image);
    button.addEventListener('click', async () => {
      try { add(await (await fetch(image.src)).blob(), name); } catch { note(WORDS.offline); }
    });
    $('samples').append(button);
  }
  $('try').hidden = !model.samples;
}
$('clear').addEventListener('click', () => {
  waiting.length = 0; asked = running; done = 0;
  [...$('results').children].forEach(drop);
  count();
  $('choose').focus();
  say('Everything is cleared');
});

/* Camera */
let stream = null, facing = 'environment', watching = 0;
const cameraWords = {
  NotAllowedError: 'The camera may not be used: allow it in the browser’s settings for this page.',
  NotFoundError: 'No camera was found.', OverconstrainedError: 'No camera was found.',
  NotReadableError: 'The camera is used by another program.',
};
async function cameraOn() {
  if (!navigator.mediaDevices?.getUserMedia) {
    return note('The camera can only be used on this machine itself or over https. “Choose photos” offers a phone’s camera, too.');
  }
  try {
    cameraStop();
    stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: facing, width: { ideal: 1280 } } });
  } catch (error) { cameraOff(); return note(cameraWords[error.name] || 'The camera cannot be used: ' + error.message); }
  $('camera').hidden = false;
  $('camera-on').hidden = true;
  $('video').srcObject = stream;
  await $('video').play();
  const devices = await navigator.mediaDevices.enumerateDevices();
  $('other-camera').hidden = devices.filter((device) => device.kind === 'videoinput').length < 2;
  stream.getVideoTracks()[0].addEventListener('ended', cameraOff);
  $('keep').focus();
  say('The camera is on. Frames are labelled as they come.');
  watch(++watching);
}
function cameraStop() { watching++; stream?.getTracks().forEach((track) => track.stop()); stream = null; }
function cameraOff() {
  const was = stream;
  cameraStop();
  $('camera').hidden = true;
  $('camera-on').hidden = false;
  if (was) { $('camera-on').focus(); say('The camera is off'); }
}
function frame(longest, quality) {
  const video = $('video'), canvas = element('canvas');
  const scale = Math.min(1, longest / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.max(1, Math.round(video.videoWidth * scale));
  canvas.height = Math.max(1, Math.round(video.videoHeight * scale));
  canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', quality));
}
async function watch(turn) {
  const times = [];
  let said = '', when = 0;
  while (turn === watching) {
    if (document.hidden || !$('video').videoWidth) { times.length = 0; await pause(200); continue; }
    try {
      const still = await frame(FRAME, 0.9);
      // Nothing is sent once the camera was stopped.
      if (turn !== watching) return;
      const answer = await predict(still, 'frame.jpg', 1);
      if (turn !== watching) return;
      show(answer, $('live-label'), $('live-bars'));
      $('live-problem').hidden = true;
      const now = performance.now();
      times.push(now);
      while (times.length > 2 && now - times[0] > 3000) times.shift();
      if (times.length > 1) $('rate').textContent = `${((times.length - 1) * 1000 / (now - times[0])).toFixed(1)} frames/s, ${answer.milliseconds.toFixed(0)} ms each in the service`;
      if (answer.label !== said && now - when > QUIET) { said = answer.label; when = now; say('Camera: ' + inWords(answer)); }
    } catch (problem) {
      $('live-problem').textContent = problem.message;
      $('live-problem').hidden = false;
      await pause(1000);
    }
  }
}
$('camera-on').addEventListener('click', cameraOn);
$('camera-off').addEventListener('click', cameraOff);
$('other-camera').addEventListener('click', () => { facing = facing === 'user' ? 'environment' : 'user'; cameraOn(); });
let frames = 0;
$('keep').addEventListener('click', async () => {
  if ($('video').videoWidth) add(await frame(1280, 0.95), `frame ${++frames}.jpg`);
});

/* The model */
async function begin() {
  $('origin').textContent = location.origin;
  try { model = await (await fetch('model')).json(); } catch { return note(WORDS.offline); }
  const facts = [`Model: ${model.name} (${model.network})`];
  if (model.validation) facts.push(`right for ${percent(model.validation.accuracy)} of ${model.validation.samples.toLocaleString('en')} photos that it was not trained on`);
  if (!feels()) $('about').textContent = `A network looks at a photo and says which of ${model.classes.length} classes it shows.`;
  $('about').append(element('br'), facts.join(', ') + '.');
  $('limits').textContent = `JPEG, PNG, GIF, WebP or BMP, up to ${Math.floor(model.limits.body_bytes / 1e6) || '<1'}\u00a0MB. Photos stay in this service’s memory and are gone once they are labelled.`;
  samples();
}
begin();

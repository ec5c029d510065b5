// The page in a real Chromium, against the service whose address TCOLZ_URL gives (tests/serve/browser.rs).

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, afterEach, before, describe, test } from 'node:test';

import { chromium } from 'playwright-core';

const URL = process.env.TCOLZ_URL;
const SCREENSHOTS = process.env.TCOLZ_SCREENSHOTS;
const SIZES = { wide: { width: 1100, height: 900 }, narrow: { width: 360, height: 740 } };
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
// A machine for tests may be slow.
const PATIENCE = 30_000;

let browser, context, page, outside, complaints, samples;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.TCOLZ_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
      '--disable-background-networking', '--disable-component-update',
      '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
    ],
  });
  samples = await Promise.all([0, 1, 2].map(async (number) => {
    const response = await fetch(`${URL}/samples/${number}.jpg`);
    return { name: `photo-${number}.jpg`, mimeType: 'image/jpeg', buffer: Buffer.from(await response.arrayBuffer()) };
  }));
});
after(() => browser?.close());
afterEach(async () => {
  assert.deepEqual(outside, [], 'nothing is asked for anywhere else');
  assert.deepEqual(complaints, [], 'the browser has nothing to complain of');
  await context.close();
});

async function open({ size = 'wide', colorScheme = 'light', ...options } = {}, prepare = () => {}) {
  context = await browser.newContext({ viewport: SIZES[size], colorScheme, ...options });
  context.setDefaultTimeout(PATIENCE);
  page = await context.newPage();
  outside = [];
  complaints = [];
  page.on('request', (request) => {
    const { origin, protocol } = new globalThis.URL(request.url());
    if (origin !== URL && protocol !== 'blob:' && protocol !== 'data:') outside.push(request.url());
  });
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await prepare();
  await page.goto(URL);
  await page.locator('#samples img').last().waitFor();
}
const cards = () => page.locator('#results > .card');
async function labelled(count) {
  await page.waitForFunction((count) => {
    const cards = [...document.querySelectorAll('#results > .card')];
    return cards.length === count && cards.every((card) => !card.classList.contains('waiting'));
  }, count, { timeout: PATIENCE });
}
const picture = async (name) => { if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true }); };
const said = (pattern) => page.waitForFunction(
  (source) => new RegExp(source, 'i').test(document.getElementById('status').textContent), pattern.source, { timeout: PATIENCE });
/** What a card shows: its label and the percentages by class. */
const shown = (card) => card.evaluate((card) => ({
  label: card.querySelector('.label').textContent,
  shares: Object.fromEntries([...card.querySelectorAll('.bars li')].map((row) =>
    [row.querySelector('.class').textContent, Number(row.querySelector('.percent').textContent.replace(' %', ''))])),
  widths: [...card.querySelectorAll('.fill')].map((fill) => fill.getBoundingClientRect().width),
}));
async function accessible() {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }));
  assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]), []);
}
async function fits() {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${content} pixels in ${window}`);
}
/** A drop or a paste of files, as the browser would tell of it. */
async function give(kind, files) {
  await page.evaluate(([kind, files]) => {
    const data = new DataTransfer();
    for (const { name, mimeType, base64 } of files) {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      data.items.add(new File([bytes], name, { type: mimeType }));
    }
    if (!files.length) data.setData('text/plain', 'words');
    const target = document.getElementById('drop');
    target.dispatchEvent(kind === 'paste'
      ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
      : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
  }, [kind, files.map(({ name, mimeType, buffer }) => ({ name, mimeType, base64: buffer.toString('base64') }))]);
}

describe('labels', () => {
  test('a chosen photo gets the label and the bars that the service answers', async () => {
    await open();
    await page.setInputFiles('#choose', samples[0]);
    await labelled(1);
    const body = new FormData();
    body.append('file', new Blob([samples[0].buffer]), 'x.jpg');
    const answer = await (await fetch(`${URL}/predict`, { method: 'POST', body })).json();
    const { label, shares, widths } = await shown(cards().first());
    assert.equal(label, answer.label);
    assert.deepEqual(Object.keys(shares), ['positive', 'neutral', 'negative']);
    for (const [name, share] of Object.entries(shares)) assert.ok(Math.abs(share - 100 * answer[name]) < 0.06, name);
    await page.waitForTimeout(400); // the bars have grown
    const grown = (await shown(cards().first())).widths, most = Math.max(...Object.values(shares));
    assert.equal(grown.indexOf(Math.max(...grown)), Object.values(shares).indexOf(most));
    assert.equal(widths.length, 3);
    await said(/photo-0\.jpg: .*(positive|neutral|negative), positive [\d.]+ %/);
    const seen = await cards().first().locator('img').evaluate((image) => image.naturalWidth);
    assert.ok(seen > 0, 'the preview is there');
    await picture('one-photo');
  });

  test('several photos at once are all labelled, the newest first', async () => {
    await open();
    await page.setInputFiles('#choose', [...samples, ...samples.map((sample) => ({ ...sample, name: 'again-' + sample.name }))]);
    await labelled(6);
    assert.equal(await page.locator('.problem:visible').count(), 0);
    assert.equal(await cards().first().locator('.name').textContent(), 'again-photo-2.jpg');
    assert.equal(await page.locator('#progress').textContent(), '');
    await picture('several-photos');
    await page.getByRole('button', { name: 'Clear' }).click();
    assert.equal(await cards().count(), 0);
    assert.ok(await page.locator('#labelled').isHidden());
  });

  test('photos are taken from a drop, from the clipboard and from the samples', async () => {
    await open();
    await give('drop', samples.slice(0, 2));
    await labelled(2);
    await give('paste', samples.slice(2));
    await labelled(3);
    await page.getByRole('button', { name: 'Label sample 2' }).click();
    await labelled(4);
    assert.equal(await page.locator('.problem:visible').count(), 0);
    await give('drop', []);
    await said(/no file/);
    await give('paste', []);
    await said(/no picture to paste/);
  });
});

describe('what spoke for a label', () => {
  test('a map is laid over the photo and told in words', async () => {
    await open();
    await page.setInputFiles('#choose', samples[0]);
    await labelled(1);
    await page.getByRole('button', { name: 'What spoke for it?' }).click();
    await page.locator('.frame canvas').waitFor();
    const [image, map] = [await page.locator('.frame img').boundingBox(), await page.locator('.frame canvas').boundingBox()];
    for (const side of ['x', 'y', 'width', 'height']) assert.ok(Math.abs(image[side] - map[side]) < 1, side);
    const drawn = await page.locator('.frame canvas').evaluate((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((_, index) => index % 4 === 3 && data[index] > 0).length;
    });
    assert.ok(drawn > 1, 'something is drawn');
    await said(/Most of all the .* has [\d.]+ points less|No part alone/);
    await accessible();
    await picture('map');
  });
});

describe('colours', () => {
  for (const colorScheme of ['light', 'dark']) {
    test(`${colorScheme}: what is for and against a label has no class's colour, and the map has that of its key`, async () => {
      await open({ colorScheme });
      await page.setInputFiles('#choose', samples[0]);
      await labelled(1);
      await page.getByRole('button', { name: 'What spoke for it?' }).click();
      await page.locator('.frame canvas').waitFor();
      const { keys, classes, drawn } = await page.evaluate(() => {
        const colour = (name) => {
          const probe = document.body.appendChild(document.createElement('div'));
          probe.className = name;
          const found = getComputedStyle(probe).backgroundColor.match(/\d+/g).slice(0, 3).map(Number);
          probe.remove();
          return found;
        };
        const canvas = document.querySelector('.frame canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const drawn = [];
        for (let at = 0; at < data.length; at += 4) if (data[at + 3] >= 12) drawn.push([...data.slice(at, at + 4)]);
        return { keys: ['key for', 'key against'].map(colour), classes: [0, 1, 2, 3, 4, 5].map((number) => colour(`k${number}`)), drawn };
      });
      const apart = (one, other) => Math.hypot(...one.map((level, channel) => level - other[channel]));
      for (const key of keys) for (const other of classes) assert.ok(apart(key, other) > 60, `${key} and ${other}`);
      const light = ([red, green, blue]) => 0.3 * red + 0.6 * green + 0.1 * blue;
      assert.ok(Math.abs(light(keys[0]) - light(keys[1])) > 100, 'told apart without colours');
      assert.ok(drawn.length > 0);
      // Colours of what is nearly transparent are rounded.
      for (const pixel of drawn) assert.ok(keys.some((key) => apart(key, pixel) < 4 + 300 / pixel[3]), String(pixel));
      await picture(`map-${colorScheme}`);
    });
  }
});

describe('errors in words', () => {
  test('what is no photo is told, and the others are labelled', async () => {
    await open();
    await page.setInputFiles('#choose', [
      { name: 'letter.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('Dear Sir or Madam') },
      { name: 'cut.jpg', mimeType: 'image/jpeg', buffer: samples[0].buffer.subarray(0, 4000) },
      { name: 'nothing.png', mimeType: 'image/png', buffer: Buffer.alloc(0) },
      { name: 'giant.png', mimeType: 'image/png', buffer: Buffer.alloc(20_000_001) },
      samples[1],
    ]);
    await labelled(5);
    const problem = async (name) => page.locator('.card', { hasText: name }).locator('.problem').textContent();
    assert.match(await problem('letter.jpg'), /not a photo that can be read/);
    // Labelled from what is there, and said to be cut off.
    assert.match(await problem('cut.jpg'), /cut off: [\d.]+ % of its rows/);
    assert.match(await page.locator('.card', { hasText: 'cut.jpg' }).locator('.label').textContent(), /tive|neutral/);
    assert.match(await problem('nothing.png'), /empty/);
    assert.match(await problem('giant.png'), /too large/);
    assert.equal(await page.locator('.problem:visible').count(), 4);
    await accessible();
    await picture('errors');
    complaints = complaints.filter((text) => !/status of 4(00|15|22)/.test(text)); // the answers themselves
  });

  test('a busy service is asked again, and one that is away is named', async () => {
    await open();
    let refusals = 2;
    await page.route('**/predict', (route) => refusals-- > 0
      ? route.fulfill({ status: 503, headers: { 'Retry-After': '1' }, json: { error: { code: 'busy', message: 'busy' } } })
      : route.continue());
    await page.setInputFiles('#choose', samples[0]);
    await labelled(1);
    assert.equal(await page.locator('.problem:visible').count(), 0);
    await page.route('**/predict', (route) => route.abort());
    await page.setInputFiles('#choose', samples[1]);
    await labelled(2);
    assert.match(await cards().first().locator('.problem').textContent(), /cannot be reached/);
    complaints = complaints.filter((text) => !/status of 503|ERR_FAILED/.test(text));
  });
});

describe('for everyone', () => {
  test('the keyboard alone is enough', async () => {
    await open();
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute('aria-label') || document.activeElement.textContent);
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'choose');
    const ring = await page.evaluate(() => getComputedStyle(document.querySelector('#choose + .button')).outlineWidth);
    assert.equal(ring, '3px', 'the focus is seen');
    await picture('keyboard');
    // The browser is told that nobody sees a dialog, and has heard it, before the key is pressed.
    const chosen = page.waitForEvent('filechooser');
    await page.waitForTimeout(300);
    await page.keyboard.press('Enter');
    const chooser = await chosen;
    await chooser.setFiles(samples[0]);
    await labelled(1);
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'camera-on');
    await page.keyboard.press('Tab');
    assert.match(await focused(), /Label sample 1/);
    await page.keyboard.press('Enter');
    await labelled(2);
    for (let press = 0; press < 20 && !/^Remove/.test(await focused()); press++) await page.keyboard.press('Tab');
    assert.match(await focused(), /Remove sample 1/);
    await page.keyboard.press('Enter');
    assert.equal(await cards().count(), 1);
    assert.match(await focused(), /Remove photo-0/, 'the focus is not lost');
    await said(/removed/);
    await page.keyboard.press('Space');
    assert.equal(await focused(), 'choose');
  });

  for (const [size, colorScheme] of [['wide', 'light'], ['wide', 'dark'], ['narrow', 'light'], ['narrow', 'dark']]) {
    test(`${size} and ${colorScheme}: it fits, and nothing is against the accessibility guidelines`, async () => {
      await open({ size, colorScheme, hasTouch: size === 'narrow', isMobile: size === 'narrow' });
      await fits();
      await accessible();
      await picture(`${size}-${colorScheme}-empty`);
      const long = 'IMG_'.padEnd(120, 'x') + '.jpg';
      await page.setInputFiles('#choose', [samples[0], { ...samples[1], name: long }, { name: 'x.txt', mimeType: 'text/plain', buffer: Buffer.from('x') }]);
      await labelled(3);
      await page.waitForTimeout(400);
      await fits();
      await accessible();
      await picture(`${size}-${colorScheme}`);
      const ground = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).map(Number));
      assert.equal(Math.max(...ground) < 64, colorScheme === 'dark', String(ground));
      for (const button of await page.locator('button:visible, .button:visible').all()) {
        const { width, height } = await button.boundingBox();
        assert.ok(Math.min(width, height) >= 40, 'large enough for a finger: ' + await button.evaluate((button) => button.outerHTML));
      }
      complaints = complaints.filter((text) => !/status of 415/.test(text));
    });
  }
});

describe('camera', () => {
  test('frames are labelled live, at a rate that is shown, until the camera is stopped', async () => {
    await open();
    await page.getByRole('button', { name: 'Use the camera' }).click();
    await page.waitForFunction(() => /^\d+\.\d frames\/s/.test(document.getElementById('rate').textContent), null, { timeout: PATIENCE });
    const { label, shares } = await shown(page.locator('#camera .card'));
    assert.ok(label in shares);
    await said(/Camera: /);
    await accessible();
    await picture('camera');
    await page.getByRole('button', { name: 'Keep this frame' }).click();
    await labelled(1);
    assert.equal(await page.locator('.problem:visible').count(), 0);
    await page.getByRole('button', { name: 'Stop the camera' }).click();
    assert.ok(await page.locator('#camera').isHidden());
    const live = await page.evaluate(() => document.getElementById('video').srcObject?.getTracks().filter((track) => track.readyState === 'live').length ?? 0);
    assert.equal(live, 0, 'the camera is given back');
    let requests = 0;
    page.on('request', () => requests++);
    await page.waitForTimeout(700);
    assert.equal(requests, 0);
  });

  test('a narrow screen has room for the camera', async () => {
    await open({ size: 'narrow', colorScheme: 'dark', hasTouch: true, isMobile: true });
    await page.getByRole('button', { name: 'Use the camera' }).click();
    await page.locator('#camera .bars li').first().waitFor();
    await fits();
    await picture('camera-narrow');
  });

  test('a camera that may not be used, or is not there, is told', async () => {
    for (const [name, words] of [['NotAllowedError', /allow it/], ['NotFoundError', /No camera was found/]]) {
      await context?.close();
      await open({}, () => page.addInitScript((name) => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name));
      }, name));
      await page.getByRole('button', { name: 'Use the camera' }).click();
      await said(words);
      assert.ok(await page.locator('#camera').isHidden());
    }
  });
});

// Pages of reports in a real Chromium: every .html file of the folder that TCOLZ_PAGES gives (tests/inspection/report.rs, crates/study/src/report/tests.rs).

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { chromium } from 'playwright-core';

const PAGES = process.env.TCOLZ_PAGES;
const SCREENSHOTS = process.env.TCOLZ_SCREENSHOTS;
const WIDTHS = [1200, 768, 360];
// Smaller letters of a picture are not read on a phone.
const LETTERS = 8.5;

let browser;
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.TCOLZ_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync', '--disable-background-networking'],
  });
});
after(() => browser?.close());

/** What is cut off or cannot be read on an open page. */
function faults(least) {
  const found = [], shown = (element) => element.getClientRects().length > 0;
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} pixels wide`);
  for (const element of document.querySelectorAll('body *')) {
    const style = getComputedStyle(element), words = element.textContent.trim().slice(0, 60);
    if (!shown(element) || style.clipPath !== 'none' || element.closest('svg')) continue;
    const scrolls = element.classList.contains('scroll');
    if (!scrolls && style.overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1) found.push(`cut at its side: ${words}`);
    if (!scrolls && style.overflowY !== 'visible' && element.scrollHeight > element.clientHeight + 1) found.push(`cut below: ${words}`);
    const { left, right } = element.getBoundingClientRect();
    if (!element.closest('.scroll') && (left < -1 || right > innerWidth + 1)) found.push(`leaves the screen: ${words}`);
  }
  for (const box of document.querySelectorAll('.scroll')) {
    if (shown(box) && box.scrollWidth > box.clientWidth) {
      if (box.tabIndex !== 0) found.push('no keyboard reaches ' + box.getAttribute('aria-label'));
      if (!getComputedStyle(box).backgroundImage.includes('gradient')) found.push('nothing says that there is more of ' + box.getAttribute('aria-label'));
    }
  }
  for (const figure of document.querySelectorAll('figure')) {
    const drawn = [...figure.querySelectorAll('svg')].filter(shown);
    if (shown(figure) && drawn.length !== 1) found.push(`${drawn.length} pictures are shown: ${figure.textContent.trim().slice(0, 60)}`);
    for (const svg of drawn) {
      const { width, left, right } = svg.getBoundingClientRect(), around = figure.getBoundingClientRect();
      if (left < around.left - 1 || right > around.right + 1) found.push('a picture is cut');
      const scale = width / svg.viewBox.baseVal.width;
      const sizes = [...svg.querySelectorAll('text')].map((text) => scale * Number(text.getAttribute('font-size')));
      if (Math.min(...sizes) < least) found.push(`letters of ${Math.min(...sizes).toFixed(1)} pixels in ${svg.textContent.trim().slice(0, 40)}`);
    }
  }
  return found;
}

for (const file of readdirSync(PAGES).filter((name) => name.endsWith('.html'))) {
  describe(file, () => {
    for (const width of WIDTHS) for (const colorScheme of ['light', 'dark']) {
      test(`${width} pixels, ${colorScheme}: nothing is cut, and every letter can be read`, async () => {
        const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
        const page = await context.newPage();
        await page.goto(pathToFileURL(join(PAGES, file)).href);
        await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
        if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${file.replace('.html', '')}-${width}-${colorScheme}.png`, fullPage: true });
        assert.deepEqual(await page.evaluate(faults, LETTERS), []);
        await context.close();
      });
    }
  });
}

/** A line over time, small enough to be drawn by hand: a chart library is ten times the rest of the script. */
import { drawing, element } from './element.ts';

const WIDTH = 240;
const HEIGHT = 48;

/** A figure with its course: at most `length` values, the newest at the right. */
export class Course {
  readonly node: HTMLElement;
  readonly #length: number;
  readonly #value: HTMLElement;
  readonly #line: SVGElement;
  readonly #area: SVGElement;
  readonly #values: number[] = [];

  constructor(title: string, length: number) {
    this.#length = length;
    this.#value = element('strong', {}, '–');
    this.#line = drawing('polyline', { class: 'line' });
    this.#area = drawing('polygon', { class: 'area' });
    this.node = element(
      'div',
      { class: 'figure' },
      element('span', {}, title),
      this.#value,
      drawing(
        'svg',
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
        this.#area,
        this.#line,
      ),
    );
  }

  /** Adds a value, shown as `text`; nothing is drawn as 0. */
  add(value: number | undefined, text: string): void {
    this.#values.push(value ?? 0);
    if (this.#values.length > this.#length) this.#values.shift();
    if (this.#value.textContent !== text) this.#value.textContent = text;
    const most = Math.max(...this.#values, 1e-9);
    const step = WIDTH / (this.#length - 1);
    const start = WIDTH - step * (this.#values.length - 1);
    const points = this.#values.map(
      (each, index) =>
        `${(start + index * step).toFixed(1)},${(HEIGHT - 2 - (each / most) * (HEIGHT - 6)).toFixed(1)}`,
    );
    this.#line.setAttribute('points', points.join(' '));
    this.#area.setAttribute(
      'points',
      [`${start.toFixed(1)},${HEIGHT}`, ...points, `${WIDTH},${HEIGHT}`].join(' '),
    );
  }
}

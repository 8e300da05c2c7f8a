/** A line chart as SVG: points of one or more series, and the straight line that fits each best. */

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  /** Below the axes: what the chart says. */
  readonly captions: readonly string[];
}

const size = { width: 720, height: 440, left: 84, right: 24, top: 48, axis: 60, caption: 20 } as const;
const colors = ["#0b6bcb", "#c2410c", "#15803d"] as const;
const ticks = 5;

/** y = offset + slope x by least squares, weighted by 1 / y² so that each point's relative distance counts alike. */
export function fitLine(points: Series["points"]): { readonly offset: number; readonly slope: number } {
  let [n, sx, sy, sxx, sxy] = [0, 0, 0, 0, 0];
  for (const [x, y] of points) {
    const weight = 1 / y ** 2;
    n += weight;
    sx += weight * x;
    sy += weight * y;
    sxx += weight * x * x;
    sxy += weight * x * y;
  }
  const slope = (n * sxy - sx * sy) / (n * sxx - sx * sx);
  return { slope, offset: (sy - slope * sx) / n };
}

/** The largest distance of a point from its line, as a part of the point. */
export function farthest(points: Series["points"]): number {
  const { offset, slope } = fitLine(points);
  return Math.max(...points.map(([x, y]) => Math.abs(offset + slope * x - y) / y));
}

export function drawChart({ title, x, y, series, captions }: Chart): string {
  const all = series.flatMap(({ points }) => points);
  const [stepX, stepY] = [niceStep(Math.max(...all.map(([at]) => at))), niceStep(Math.max(...all.map(([, at]) => at)))];
  const [endX, endY] = [stepX * ticks, stepY * ticks];
  const { width, height, left, right, top, axis } = size;
  const bottom = height - axis;
  const toX = (value: number): number => left + (value / endX) * (width - left - right);
  const toY = (value: number): number => bottom - (value / endY) * (bottom - top);
  const total = height + captions.length * size.caption;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" font-family="sans-serif" font-size="13">`,
    `<title>${escapeText(title)}</title>`,
    `<rect width="${width}" height="${total}" fill="#ffffff"/>`,
    text(left, 26, title, 'font-size="17" font-weight="bold"'),
  ];
  for (let i = 0; i <= ticks; i++) {
    const [atX, atY] = [toX(stepX * i), toY(stepY * i)];
    parts.push(
      line([atX, top], [atX, bottom], "#e5e7eb"),
      line([left, atY], [width - right, atY], "#e5e7eb"),
      text(atX, bottom + 18, number(stepX * i), 'text-anchor="middle"'),
      text(left - 8, atY + 4, number(stepY * i), 'text-anchor="end"'),
    );
  }
  parts.push(
    text((left + width - right) / 2, bottom + 42, x, 'text-anchor="middle"'),
    text(20, (top + bottom) / 2, y, `text-anchor="middle" transform="rotate(-90 20 ${(top + bottom) / 2})"`),
  );
  series.forEach(({ name, points }, i) => {
    const color = colors[i % colors.length] ?? colors[0];
    const { offset, slope } = fitLine(points);
    const start = Math.max(0, -offset / slope);
    parts.push(
      line(
        [toX(start), toY(offset + slope * start)],
        [toX(endX), toY(offset + slope * endX)],
        color,
        ' stroke-dasharray="4 4"',
      ),
      ...points.map(([px, py]) => `<circle cx="${round(toX(px))}" cy="${round(toY(py))}" r="4" fill="${color}"/>`),
      text(left + 12, top + 18 + i * 18, name, `fill="${color}"`),
    );
  });
  captions.forEach((caption, i) => {
    parts.push(text(left, height + i * size.caption, caption));
  });
  return `${parts.join("\n")}\n</svg>\n`;
}

/** Five steps of 1, 2 or 5 times a power of ten, and as few empty ones as that allows. */
function niceStep(largest: number): number {
  const least = largest / ticks;
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 2.5, 5].find((factor) => factor * power >= least) ?? 10);
}

function line(from: readonly number[], to: readonly number[], color: string, rest = ""): string {
  const [x1, y1, x2, y2] = [...from, ...to].map(round);
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${color}"${rest}/>`;
}

function text(x: number, y: number, content: string, rest = ""): string {
  return `<text x="${round(x)}" y="${round(y)}" ${rest}>${escapeText(content)}</text>`;
}

function escapeText(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

const round = (value: number): number => Math.round(value * 10) / 10;
const number = (value: number): string => String(Math.round(value * 1000) / 1000);

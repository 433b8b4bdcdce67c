/** A plot over time that moves: uPlot on a canvas, with a text for those who can't see it. */

import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Series {
  label: string;
  /** A custom property of the style sheet. */
  colour: string;
  fill?: boolean;
}

interface Props {
  label: string;
  data: (number | null)[][];
  series: readonly Series[];
  height?: number;
  /** Seconds shown; the plot moves on with the newest. */
  span: number;
  format: (value: number) => string;
  /** Minutes the bank's clock is ahead of UTC. */
  zone: number;
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function faint(hex: string): string {
  return /^#[0-9a-f]{6}$/i.test(hex) ? `${hex}22` : hex;
}

export function Plot({ label, data, series, height = 190, span, format, zone }: Props) {
  const scheme = useComputedColorScheme('light');
  const { ref, width } = useElementSize();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const shape = series.map((one) => one.label).join('|');

  useEffect(() => {
    if (!host.current || width === 0) return undefined;
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: colour('--tone-quiet'), font, grid: { stroke: colour('--tone-line'), width: 1 }, ticks: { show: false } };
    const made = new uPlot(
      {
        width,
        height,
        tzDate: (at) => new Date((at + zone * 60) * 1000 + new Date(at * 1000).getTimezoneOffset() * 60_000),
        legend: { show: false },
        cursor: { y: false, points: { size: 6 } },
        scales: { x: { time: true, range: (_, __, max) => [max - span, max] }, y: { range: (_, __, max) => [0, Math.max(1, (max ?? 1) * 1.12)] } },
        axes: [
          { ...axis, values: '{HH}:{mm}', space: 70, size: 26 },
          { ...axis, values: (_, splits) => splits.map(format), size: 58, space: 34 },
        ],
        series: [
          {},
          ...series.map((one) => {
            const stroke = colour(one.colour);
            return { label: one.label, stroke, width: 1.6, points: { show: false }, spanGaps: false, ...(one.fill ? { fill: faint(stroke) } : {}) };
          }),
        ],
      },
      data as uPlot.AlignedData,
      host.current,
    );
    plot.current = made;
    return () => made.destroy();
    // The data move on below; the plot is made anew only when its looks change.
  }, [width, height, span, scheme, shape, zone]);

  useEffect(() => {
    plot.current?.setData(data as uPlot.AlignedData);
  }, [data]);

  return (
    <div ref={ref} role="img" aria-label={label}>
      <div ref={host} style={{ minHeight: height }} />
    </div>
  );
}

/** How a number went of late, as a line. */
import type { JSX } from "preact";

const WIDTH = 72;
const HEIGHT = 20;

export interface SparklineProps {
  values: readonly number[];
  /** How many values fill the whole width. */
  length: number;
}

export function Sparkline({ values, length }: SparklineProps): JSX.Element {
  const top = Math.max(...values, 0.001);
  const step = WIDTH / (length - 1);
  const offset = (length - values.length) * step;
  const points = values.map((value, index) => {
    const y = HEIGHT - 1.5 - (value / top) * (HEIGHT - 3);
    return `${(offset + index * step).toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <polyline points={points.join(" ")} />
    </svg>
  );
}

// A steady clock in milliseconds that also counts the time during which the computer slept.
//
// performance.now() stands still during sleep on some systems. The wall clock does not, so what it
// is ahead is added. A wall clock that is set forward makes ages too high for once, never too low.

const SMALLEST_LEAP = 2000;

let leapt = 0;
let offset = Date.now() - performance.now();

// While it is not null, it is the time.
let held = null;

export function now() {
  return held ?? read();
}

/** Call `work` with a clock that stands still, so that all ages it shows are of one moment. */
export function atOneMoment(work) {
  held = read();
  try {
    work();
  } finally {
    held = null;
  }
}

function read() {
  const steady = performance.now();
  const leap = Date.now() - steady - offset;
  if (Math.abs(leap) > SMALLEST_LEAP) {
    offset += leap;
    leapt += Math.max(0, leap);
  }
  return steady + leapt;
}

// What a film's values look like: a window over them, or the curve that the film's file asks for. A picture has
// 8 bits; the file of a DICOM film all that its detector gave.
"use strict";

const SHARES = { lungs: [0.01, 0.72], mediastinum: [0.3, 0.998], bones: [0.45, 0.9998] }; // of the values that occur

class Tones {
  constructor(values, about) {
    Object.assign(this, { windows: [], curve: null }, about);
    this.values = values;
  }

  static ofPicture(image) {
    const canvas = document.createElement("canvas");
    const [columns, rows] = [image.naturalWidth, image.naturalHeight];
    Object.assign(canvas, { width: columns, height: rows });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const data = context.getImageData(0, 0, columns, rows).data;
    const values = new Uint8Array(columns * rows);
    for (let n = 0; n < values.length; n++) values[n] = data[4 * n];
    return new Tones(values, { columns, rows, top: 255, slope: 1, intercept: 0, bits: 8 });
  }

  // Fetches the values of a film's file; null where it has none beside its picture.
  static async ofFile(address, told) {
    const answer = await fetch(address);
    if (answer.status === 204) return null;
    if (!answer.ok) throw new Error(answer.statusText);
    const { about, bytes } = await received(answer.body.getReader(), told);
    return new Tones(unpacked(bytes, about.rows, about.columns), about);
  }

  // The values that are black and white, or the curve, before brightness and contrast change them.
  base(preset) {
    const own = this.windows[Number(preset.slice(4))];
    if (preset.startsWith("own:") && own) return own;
    if (preset in SHARES) return this.between(...SHARES[preset]);
    if (preset !== "full" && this.curve) return { low: 0, high: this.top, curve: this.curve };
    return (preset !== "full" && this.windows[0]) || { low: 0, high: this.top };
  }

  // The window from one share of the values that occur to another; black borders do not count.
  between(from, to) {
    if (!this.counts) {
      this.counts = new Uint32Array(this.top + 1);
      for (const value of this.values) this.counts[value]++;
      this.counts.fill(0, 0, Math.ceil(this.top / 50));
    }
    const total = this.counts.reduce((sum, count) => sum + count, 0);
    const reached = (share) => {
      let left = share * total;
      const value = this.counts.findIndex((count) => (left -= count) <= 0);
      return value < 0 ? this.top : value;
    };
    const low = reached(from);
    return { low, high: Math.max(reached(to), low + 1) };
  }

  // The grey of every value.
  table({ preset, level, window, inverted }) {
    const base = this.base(preset), last = base.curve && base.curve.length - 1;
    const low = (level - window / 2) / 100, width = Math.max(window, 1) / 100;
    return Uint8ClampedArray.from({ length: this.top + 1 }, (_, value) => {
      const shown = base.curve ? base.curve[Math.round(value / this.top * last)] : (value - base.low) / (base.high - base.low);
      const tone = 255 * (shown - low) / width;
      return inverted ? 255 - tone : tone;
    });
  }

  // Level and width in the numbers of the film's file, as DICOM counts them (PS3.3, C.11.2.1.2): with both ends.
  numbers({ preset, level, window }) {
    const { low, high } = this.base(preset), range = high - low;
    const center = this.slope * (low + range * level / 100) + this.intercept;
    return { level: Math.round(center + 0.5), width: Math.round(Math.abs(this.slope) * range * window / 100) + 1 };
  }
}

async function received(reader, told) {
  let bytes = new Uint8Array(0), about = null, count = 0;
  const put = (part) => {
    if (count + part.length > bytes.length) {
      const larger = new Uint8Array(Math.max(count + part.length, about ? 2 * about.rows * about.columns : 0));
      larger.set(bytes.subarray(0, count));
      bytes = larger;
    }
    bytes.set(part, count);
    count += part.length;
  };
  for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
    put(value);
    const end = about ? -1 : bytes.subarray(0, count).indexOf(10);
    if (end >= 0) {
      about = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
      const rest = bytes.slice(end + 1, count);
      [bytes, count] = [new Uint8Array(0), 0];
      put(rest);
    }
    if (about) told(count / (2 * about.rows * about.columns));
  }
  if (!about || count !== 2 * about.rows * about.columns) throw new Error("cut");
  return { about, bytes };
}

// Each value was sent as its difference to the one before in its row: the low bytes of all, and then the high ones.
function unpacked(bytes, rows, columns) {
  const values = new Uint16Array(rows * columns), high = rows * columns;
  for (let row = 0, n = 0; row < rows; row++) {
    for (let column = 0, value = 0; column < columns; column++, n++) {
      const step = bytes[n] | bytes[high + n] << 8;
      value = value + ((step >>> 1) ^ -(step & 1)) & 0xffff;
      values[n] = value;
    }
  }
  return values;
}

// Packs files into one zip, uncompressed, as images hardly shrink. The files' bytes stay where they are
// until the browser sends them; only their checksums are computed, one file at a time.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const UTF8_NAMES = 0x0800;
const NO_DATE = 0x0021; // 1 January 1980; zero would be no day at all

/** More entries, or more bytes, need another kind of archive. */
export const MOST_FILES = 65_535;
export const MOST_BYTES = 4_000_000_000;

function checksum(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 0xff] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

/** Numbers as little-endian bytes: pairs of width in bytes and value. */
function record(...fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [width]) => sum + width, 0)));
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return view.buffer;
}

/**
 * A zip of these files as a Blob.
 * @param {{path: string, file: File}[]} entries
 * @param {(done: number) => void} tell how many files are packed
 */
export async function pack(entries, tell) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [index, { path, file }] of entries.entries()) {
    const name = new TextEncoder().encode(path);
    const sum = checksum(new Uint8Array(await file.arrayBuffer()));
    const shared = [[2, 20], [2, UTF8_NAMES], [2, 0], [2, 0], [2, NO_DATE]];
    const sizes = [[4, sum], [4, file.size], [4, file.size], [2, name.length], [2, 0]];
    const head = record([4, LOCAL], ...shared, ...sizes);
    const rest = [[2, 0], [2, 0], [2, 0], [4, 0], [4, offset]];
    parts.push(head, name, file);
    directory.push(record([4, CENTRAL], [2, 20], ...shared, ...sizes, ...rest), name);
    offset += head.byteLength + name.length + file.size;
    tell(index + 1);
  }
  const size = directory.reduce((sum, part) => sum + part.byteLength, 0);
  const count = entries.length;
  const end = record([4, END], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

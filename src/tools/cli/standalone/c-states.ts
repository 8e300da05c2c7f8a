/**
 * States in C: read from a safetensors file, and written to one. Behind a table `states` of their names as JSON has them, types,
 * shapes, places and sizes, in the order of the file.
 */
export const cStates = (
  stem: string,
  ranges: readonly StateRange[],
): string => `// Tensors lie in the file as its header says, which is compact JSON.
int ${stem}_load(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return -1;
  uint8_t length[8];
  uint64_t bytes = 0;
  int found = fread(length, 1, 8, file) == 8 ? 0 : -1;
  for (int i = 7; i >= 0 && found == 0; i--) bytes = bytes << 8 | length[i];
  char *header = found == 0 && bytes < 100000000 ? calloc(1, bytes + 1) : NULL;
  uint8_t *read = malloc(sizeof state_at);
  if (header == NULL || read == NULL || fread(header, 1, bytes, file) != bytes) found = -1;
  for (int i = 0; i < ${stem.toUpperCase()}_STATES && found == 0; i++) {
    char *entry = strstr(header, states[i].header);
    char *end = NULL;
    uint64_t from = entry == NULL ? 0 : strtoull(entry + strlen(states[i].header), &end, 10);
    uint64_t to = end == NULL || *end != ',' ? 0 : strtoull(end + 1, NULL, 10);
    if (end == NULL || from > to || to - from != states[i].bytes || fseek(file, (long)(8 + bytes + from), SEEK_SET) != 0) found = -1;
    else if (fread(read + states[i].at, 1, states[i].bytes, file) != states[i].bytes) found = -1;
  }
${ranges.map(checkOf).join("")}  // All of them or none.
  for (int i = 0; i < ${stem.toUpperCase()}_STATES && found == 0; i++) {
    memcpy(state_at.bytes + states[i].at, read + states[i].at, states[i].bytes);
  }
  free(header);
  free(read);
  fclose(file);
  return found;
}

int ${stem}_save(const char *path) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) return -1;
  uint64_t length = 2, at = 0;
  for (int i = 0; i < ${stem.toUpperCase()}_STATES; i++) {
    length += strlen(states[i].header) + (uint64_t)snprintf(NULL, 0, "%" PRIu64 ",%" PRIu64 "]}", at, at + states[i].bytes) + (i > 0);
    at += states[i].bytes;
  }
  const uint64_t bytes = (length + 7) / 8 * 8;
  for (int i = 0; i < 8; i++) fputc((int)(bytes >> (8 * i) & 255), file);
  fputc('{', file);
  at = 0;
  for (int i = 0; i < ${stem.toUpperCase()}_STATES; i++) {
    fprintf(file, "%s%s%" PRIu64 ",%" PRIu64 "]}", i > 0 ? "," : "", states[i].header, at, at + states[i].bytes);
    at += states[i].bytes;
  }
  fputc('}', file);
  for (uint64_t i = length; i < bytes; i++) fputc(' ', file);
  int written = 0;
  for (int i = 0; i < ${stem.toUpperCase()}_STATES; i++) {
    if (fwrite(state_at.bytes + states[i].at, 1, states[i].bytes, file) != states[i].bytes) written = -1;
  }
  return fclose(file) == 0 ? written : -1;
}
`;

/** What a state may be from outside, of those that say so. */
export interface StateRange {
  /** The type of its elements in C, which is one of numbers. */
  readonly element: string;
  readonly at: number;
  readonly count: number;
  readonly range: readonly [least: number, most: number];
}

/** Neither NaN nor infinity is within. */
function checkOf({ element, at, count, range: [least, most] }: StateRange): string {
  return `  for (int i = 0; i < ${count} && found == 0; i++) {
    ${element} value;
    memcpy(&value, read + ${at} + i * sizeof value, sizeof value);
    if (!(value >= ${number(least)} && value <= ${number(most)} && fabs((double)value) < INFINITY)) found = -1;
  }
`;
}

function number(value: number): string {
  return Number.isFinite(value) ? `(double)${value}` : value > 0 ? "INFINITY" : "-INFINITY";
}

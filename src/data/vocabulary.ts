/**
 * Vocabularies: words as numbers, and texts as rows of them.
 *
 *   vocabulary(["b", "a", "b"]).tokens                     ["[UNK]", "b", "a"]: the frequent ones first
 *   textVectorizer(texts, { maxTokens: 10_000, outputSequenceLength: 200 }).encode("A film!")     [2, 31, 0, 0, ...]
 *
 * Orders are Keras's (StringLookup, TextVectorization): by how often a word comes, and of words that come equally often the one that
 * is later in the order of code points comes first.
 */
import { checkArguments, checkOptions, count, flag, type OptionTable, oneOf, show } from "../core/options.ts";
import { fail } from "./fail.ts";

export interface VocabularyOptions {
  /** The most tokens, those for no word and for unknown words among them. All by default. */
  readonly maxTokens?: number;
  /** A token for words that are not known, "[UNK]". True by default; without it such a word is an error. */
  readonly oov?: boolean;
  /** A token for no word, "", which is number 0 then. False by default. */
  readonly mask?: boolean;
}

export interface TextVectorizerOptions {
  /** The most tokens, "" and "[UNK]" among them. All by default. */
  readonly maxTokens?: number;
  /** Every row has this length: cut, or filled up with 0. As long as the text by default: see `padBatch`. */
  readonly outputSequenceLength?: number;
  /** What is done before: small letters, no punctuation, both (the default), or nothing. */
  readonly standardize?: "lowerAndStripPunctuation" | "lower" | "stripPunctuation" | "none";
  /** Words are what stands between blanks by default. */
  readonly split?: "whitespace" | "character";
}

const vocabularyTable: OptionTable<VocabularyOptions> = { maxTokens: count, oov: flag, mask: flag };
const vectorizerTable: OptionTable<TextVectorizerOptions> = {
  maxTokens: count,
  outputSequenceLength: count,
  standardize: oneOf("lowerAndStripPunctuation", "lower", "stripPunctuation", "none"),
  split: oneOf("whitespace", "character"),
};

const unknownToken = "[UNK]";
const maskToken = "";

/** Words and their numbers. `tokens` is all there is to keep: `Vocabulary.of(tokens)` is the same again. */
export class Vocabulary {
  /** The words, in the order of their numbers. */
  readonly tokens: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  private constructor(tokens: readonly string[]) {
    this.tokens = tokens;
    this.#numbers = new Map(tokens.map((token, i) => [token, i]));
  }

  /** Of a list of tokens, each once, in the order of their numbers. Where "[UNK]" is among them it stands for all others. */
  static of(tokens: readonly string[]): Vocabulary {
    const seen = new Set<string>();
    const odd = tokens.findIndex((token) => typeof token !== "string" || seen.size === seen.add(token).size);
    if (odd < 0) return new Vocabulary([...tokens]);
    fail("vocabulary", `${show(tokens[odd])} at position ${odd} is no text, or there twice`);
  }

  /** How many there are, [UNK] and "" among them. */
  get size(): number {
    return this.tokens.length;
  }

  /** The number of a word. */
  encode(word: string): number {
    const known = this.#numbers.get(word) ?? this.#numbers.get(unknownToken);
    if (known !== undefined) return known;
    fail("vocabulary", `${show(word)} is none of its ${this.size} words, and it has no [UNK] for others`);
  }

  /** The word of a number. */
  decode(number: number): string {
    const word = this.tokens[number];
    if (word !== undefined) return word;
    fail("vocabulary", `there is no word ${number}: they go from 0 to ${this.size - 1}`);
  }
}

/** The words that come most often. */
export function vocabulary(words: Iterable<string>, options: VocabularyOptions = {}): Vocabulary {
  checkArguments("vocabulary", arguments, 2);
  const checked = checkOptions("vocabulary", options, vocabularyTable, { before: "words, " });
  const { maxTokens = Number.POSITIVE_INFINITY, oov = true, mask = false } = checked;
  const special = [...(mask ? [maskToken] : []), ...(oov ? [unknownToken] : [])];
  const counts = countsOf("vocabulary", words, (word) => [word]);
  return Vocabulary.of(mostFrequent(counts, special, maxTokens));
}

/** Texts as rows of numbers: 0 is no word, 1 an unknown one. */
export interface TextVectorizer {
  readonly vocabulary: Vocabulary;
  encode(text: string): Int32Array;
}

/** Learns the words of texts. To make it again from its tokens give `textVectorizer(vocabulary, options)`. */
export function textVectorizer(
  texts: Iterable<string> | Vocabulary,
  options: TextVectorizerOptions = {},
): TextVectorizer {
  checkArguments("textVectorizer", arguments, 2);
  const checked = checkOptions("textVectorizer", options, vectorizerTable, { before: "texts, " });
  const { maxTokens = Number.POSITIVE_INFINITY, outputSequenceLength: length } = checked;
  const { standardize = "lowerAndStripPunctuation", split = "whitespace" } = checked;
  const wordsOf = (text: string): readonly string[] => splitText(standardized(text, standardize), split);
  const known =
    texts instanceof Vocabulary
      ? texts
      : Vocabulary.of(mostFrequent(countsOf("textVectorizer", texts, wordsOf), [maskToken, unknownToken], maxTokens));
  return {
    vocabulary: known,
    encode(text) {
      if (typeof text !== "string") fail("textVectorizer", `encode takes a text, not ${show(text)}`);
      const numbers = wordsOf(text).map((word) => known.encode(word));
      const row = new Int32Array(length ?? numbers.length);
      row.set(numbers.slice(0, row.length));
      return row;
    },
  };
}

function countsOf(
  call: string,
  texts: Iterable<string>,
  wordsOf: (text: string) => readonly string[],
): ReadonlyMap<string, number> {
  if (typeof texts !== "object" || texts === null || !(Symbol.iterator in texts)) {
    fail(call, `takes a list of texts, not ${show(texts)}`);
  }
  const counts = new Map<string, number>();
  let place = 0;
  for (const text of texts) {
    if (typeof text !== "string") fail(call, `${show(text)} at position ${place} is no text`);
    for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
    place++;
  }
  return counts;
}

function mostFrequent(
  counts: ReadonlyMap<string, number>,
  special: readonly string[],
  most: number,
): readonly string[] {
  const words = [...counts].filter(([word]) => !special.includes(word));
  const sorted = words.toSorted(([a, timesA], [b, timesB]) => timesB - timesA || compareCodePoints(b, a));
  return [...special, ...sorted.map(([word]) => word)].slice(0, most);
}

/** As UTF-8 sorts: JavaScript compares halves of surrogate pairs. */
function compareCodePoints(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [x, y] = [a.codePointAt(i) ?? 0, b.codePointAt(i) ?? 0];
    if (x !== y) return x - y;
  }
  return a.length - b.length;
}

/** What Keras strips. */
const punctuation = /[!-/:-@[-`{-~]/g;

function standardized(text: string, how: NonNullable<TextVectorizerOptions["standardize"]>): string {
  const lower = how === "lower" || how === "lowerAndStripPunctuation" ? text.toLowerCase() : text;
  return how === "stripPunctuation" || how === "lowerAndStripPunctuation" ? lower.replaceAll(punctuation, "") : lower;
}

function splitText(text: string, how: NonNullable<TextVectorizerOptions["split"]>): readonly string[] {
  return how === "character" ? [...text] : text.split(/\s+/u).filter((word) => word !== "");
}

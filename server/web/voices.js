// The voices as cards: what is known of each, and a sample of it. Servers say more or less of their voices, so that every
// field but the name may be missing.

const SAMPLE = {
  en: (name) => `Hello, I am ${name}. This is how I sound.`,
}

const PLAY = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 1.5v13l11-6.5z"/></svg>'

const titleOf = ({ name, title }) => {
  const words = (title ?? name).replace(/[_-]+/g, ' ').trim()
  return words === words.toLowerCase() ? words.replace(/^\p{L}/u, (c) => c.toUpperCase()) : words
}

function languageName(tag) {
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(tag)
  } catch {
    return tag
  }
}

const capital = (text) => text.replace(/^\p{L}/u, (c) => c.toUpperCase())

/** A line under the name, such as "American English, female". */
const traits = ({ accent, sex, gender, language }) =>
  [accent ? capital(accent) : language && languageName(language), sex ?? gender].filter(Boolean).join(', ')

export class Voices {
  /** `changed` gets the chosen voice; `sample` is called with (voice, text) and plays it until the promise is kept. */
  constructor(element, { changed, sample }) {
    this.element = element
    this.changed = changed
    this.sample = sample
    this.all = []
  }

  show(voices, preferred) {
    const chosen = this.chosen?.name
    this.all = voices
    const name = voices.some((voice) => voice.name === chosen) ? chosen : preferred
    this.element.replaceChildren(...voices.map((voice) => this.card(voice, voice.name === name)))
    this.changed(this.chosen)
  }

  get chosen() {
    const name = this.element.querySelector('input:checked')?.value
    return this.all.find((voice) => voice.name === name)
  }

  card(voice, checked) {
    const card = element('div', { className: 'voice' })
    const radio = element('input', { type: 'radio', name: 'voice', value: voice.name, checked })
    const label = element('label', {}, radio, element('strong', {}, titleOf(voice)))
    const about = traits(voice)
    if (about) label.append(element('span', {}, about))
    const licence = voice.licence ?? voice.license
    if (licence) label.append(element('span', {}, licence))
    const hear = element('button', { type: 'button', innerHTML: `${PLAY} Sample` })
    hear.setAttribute('aria-label', `Sample of ${titleOf(voice)}`)
    radio.addEventListener('change', () => this.changed(voice))
    hear.addEventListener('click', async () => {
      hear.disabled = true
      const say = SAMPLE[voice.language?.split('-')[0]] ?? SAMPLE.en
      await this.sample(voice, say(titleOf(voice)))
      hear.disabled = false
    })
    card.append(label, hear)
    return card
  }
}

/** What is written under the cards of the chosen voice. */
export const noteOf = (voice) => voice?.description ?? ''

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

// The text as it is read: the word that is being heard is marked, and a click on a word goes there. Screen readers have
// the text already, and hear it too.

/** Places of the player are whole samples. */
const NEAR = 0.001

export class Reading {
  /** `chosen` gets the seconds of a word that was clicked. */
  constructor(element, chosen) {
    this.element = element
    this.clear('')
    element.addEventListener('click', ({ target }) => {
      const word = this.words[this.elements.indexOf(target)]
      if (word) chosen(word.from)
    })
  }

  clear(text) {
    this.text = text
    this.words = []
    this.elements = []
    this.shown = -1
    this.shownTo = 0
    this.rest = document.createTextNode(text)
    this.element.replaceChildren(this.rest)
    this.element.scrollTop = 0
  }

  /** Words with their characters (`start`, `end`) and their seconds (`from`, `to`), in order. */
  add(words) {
    for (const word of words) {
      if (word.start < this.shownTo) continue
      const element = document.createElement('span')
      element.className = 'word'
      element.textContent = this.text.slice(word.start, word.end)
      this.rest.before(this.text.slice(this.shownTo, word.start), element)
      this.rest.textContent = this.text.slice(word.end)
      this.shownTo = word.end
      this.words.push(word)
      this.elements.push(element)
    }
  }

  /** Marks the word at `seconds`; between two words the first stays marked. */
  at(seconds) {
    const index = this.words.findLastIndex(({ from }) => from <= seconds + NEAR)
    if (index === this.shown) return
    if (this.shown >= 0) this.swap(this.shown, 'span')
    this.shown = index
    if (index < 0) return
    const { offsetTop, offsetHeight } = this.swap(index, 'mark')
    const { element } = this
    if (offsetTop < element.scrollTop || offsetTop + offsetHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = offsetTop - element.clientHeight / 3
  }

  swap(index, name) {
    const element = document.createElement(name)
    element.className = 'word'
    element.textContent = this.elements[index].textContent
    this.elements[index].replaceWith(element)
    this.elements[index] = element
    return element
  }
}

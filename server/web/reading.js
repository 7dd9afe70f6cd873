// The text as it is read: the word that is being heard is marked. Screen readers have the text already, and hear it too.
export class Reading {
  constructor(element) {
    this.element = element
    this.clear('')
  }

  clear(text) {
    this.text = text
    this.words = []
    this.shown = undefined
    this.element.replaceChildren(text)
    this.element.hidden = text === ''
  }

  /** Words with their characters (`start`, `end`) and their seconds (`from`, `to`), in order. */
  add(words) {
    this.words.push(...words)
  }

  /** Marks the word at `seconds`; between two words the first stays marked. */
  at(seconds) {
    const word = this.words.findLast(({ from }) => from <= seconds)
    if (word === this.shown) return
    this.shown = word
    if (!word) return this.element.replaceChildren(this.text)
    const mark = document.createElement('mark')
    mark.textContent = this.text.slice(word.start, word.end)
    this.element.replaceChildren(this.text.slice(0, word.start), mark, this.text.slice(word.end))
    const { offsetTop, offsetHeight } = mark
    const { element } = this
    if (offsetTop < element.scrollTop || offsetTop + offsetHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = offsetTop - element.clientHeight / 3
  }
}

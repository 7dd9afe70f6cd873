/** Browsers have no addons. */
export const loadAddon = <T>(_name: string): T | undefined => undefined

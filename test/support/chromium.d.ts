/** Path of the browser; undefined where there is none. */
export declare const chromium: string | undefined
/** Lets Dawn find the software device, unless the machine's own is named. Before a device is opened. */
export declare function nameSoftwareGpu(): void

/** @typedef {{payment_id: string, order_id?: string, status: string, final: boolean,
 * amount: {minor: number, currency: string, text: string}, next_action: any,
 * next_poll_seconds: ?number}} Payment */

/** Tells each state of a payment, the final one last.
 * @param {string} url
 * @param {(payment: Payment) => void} onChange
 * @param {{sse?: boolean, onError?: (answer: Response) => void}} [options]
 * @returns {() => void} stops it */
export function watchStatus(url, onChange, { sse = true, onError } = {}) {
	let told = "", pause = 5, tries = 0, timer = 0, close = () => {};

	const askIn = (seconds = 0) => {
		clearTimeout(timer);
		if (seconds) timer = setTimeout(ask, seconds * 1000);
	};
	const stop = () => {
		askIn();
		close();
		document.removeEventListener("visibilitychange", ask);
	};
	const tell = (text = "") => {
		const payment = JSON.parse(text);
		pause = payment.next_poll_seconds || 5;
		tries = 0;
		askIn(pause * (sse ? 12 : 1)); // streams can die
		if (payment.final) stop();
		if (text !== told) queueMicrotask(() => onChange(payment));
		told = text;
	};
	const ask = async () => {
		close();
		const wait = document.hidden ? 0 : Math.min(60, pause * 2 ** (tries + Math.random()));
		askIn(wait);
		if (!wait) return void (tries = 0);
		sse = !tries++ && sse;
		try {
			if (sse) {
				const feed = new EventSource(url);
				close = () => feed.close();
				feed.addEventListener("status", ({ data }) => tell(data));
				feed.onerror = () => { close(); askIn(tries ? 0.1 : wait); };
				return;
			}
			const request = new AbortController();
			close = () => request.abort();
			const answer = await fetch(url, request);
			const text = await answer.text();
			if (request.signal.aborted) return;
			if (answer.ok) tell(text);
			else if (answer.status < 500 && answer.status !== 429) {
				stop();
				queueMicrotask(() => onError?.(answer));
			} else askIn(Number(answer.headers.get("Retry-After")) || wait);
		} catch {}
	};
	document.addEventListener("visibilitychange", ask);
	ask();
	return stop;
}

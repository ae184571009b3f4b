<?php
// SPDX-License-Identifier: MIT
// Bearer - the host's OAuth 2.0 bearer token, from bearerd. PHP 8.1 on, with its extension curl.
//
//     $tokens = new Bearerd\Bearer();         // $BEARERD_SOCKET, or /run/bearerd/token.sock
//     $token = $tokens->get();                // for every request anew: it is kept here
//     ... "Authorization: Bearer {$token->value()}" ...
//     $token = $tokens->renew($token);        // after a 401, once; then the request again
//
// With Guzzle: $stack->before('allow_redirects', $tokens->middleware()), which does both.
//
// Who goes on asking follows the token: bearerd says then when it is another one, so that nothing is
// asked in between.
//
// Composer: "autoload": {"psr-4": {"Bearerd\\": "this folder"}}. The other classes are here too: they
// come with Bearerd\Bearer. What is cached for how long, and what each error asks for, is in
// docs/clients.md. Never shows a token but by its value().
declare(strict_types=1);

namespace Bearerd;

/** What can be in the way of a token. */
abstract class BearerException extends \RuntimeException
{
    public const TEXT = '';
    protected const IS_PASSING = false;

    /** @param ?int $retryAfter in seconds, if bearerd has said so */
    final public function __construct(string $message = '', int $code = 0, public readonly ?int $retryAfter = null)
    {
        parent::__construct($message ?: static::TEXT, $code);
    }

    /** Whether to try again, in $retryAfter seconds or some; else it wants an operator or a programmer. */
    public function isPassing(): bool
    {
        return static::IS_PASSING;
    }
}

final class Denied extends BearerException
{
    public const TEXT = 'The token endpoint refuses the credentials or the scope';
}

final class Unavailable extends BearerException
{
    public const TEXT = 'There is no token yet, and the last try for one failed';
    protected const IS_PASSING = true;
}

final class Timeout extends BearerException
{
    public const TEXT = 'There was no token within the timeout';
    protected const IS_PASSING = true;
}

final class Fresh extends BearerException
{
    public const TEXT = 'The token was renewed just now, and is not renewed again yet: look at permissions';
}

final class Busy extends BearerException
{
    public const TEXT = 'This user asks bearerd for too much at once';
    protected const IS_PASSING = true;
}

final class Forbidden extends BearerException
{
    public const TEXT = 'This user may not have the token, or there is none: see allow_users, allow_groups';
}

final class Unknown extends BearerException
{
    public const TEXT = 'There is no such token';
}

final class Invalid extends BearerException
{
    public const TEXT = 'Not the name of a token, or none given and no default';
}

final class Protocol extends BearerException
{
    public const TEXT = 'Not an answer of bearerd: see $BEARERD_SOCKET, and the versions';
}

/** No connection to bearerd; getCode() is the errno that says why. */
final class Unreachable extends BearerException
{
    public const ENOENT = 2;
    public const EACCES = 13;
    public const ECONNRESET = 104;
    public const ECONNREFUSED = 111;
    private const TEXTS = [
        self::ENOENT => 'No socket: bearerd is not installed, or not started yet',
        self::EACCES => 'This user may not connect: it is not in the group "bearer", as a rule',
        self::ECONNRESET => 'bearerd hung up before its answer was whole, twice',
        self::ECONNREFUSED => 'Nobody listens: bearerd has stopped',
    ];

    public static function at(string $path, int $errno): self
    {
        return new self((self::TEXTS[$errno] ?? "No connection, error $errno of the system") . " ($path)", $errno);
    }

    public function isPassing(): bool
    {
        return in_array($this->getCode(), [self::ENOENT, self::ECONNREFUSED, self::ECONNRESET], true);
    }
}

/** One token. value() is the secret; no other way shows it, var_export() and casts included. */
final class Token
{
    /** @var \WeakMap<self, string> */
    private static \WeakMap $values;

    public function __construct(
        #[\SensitiveParameter] string $value,
        public readonly string $name,
        public readonly int $generation, // rises with every new token of this name
        public readonly int $expiresAt, // Unix time
        public readonly string $scope, // as granted; '': not said
        public readonly string $practiceId, // for URLs as /v1/{practiceid}/...; '': none
    ) {
        self::$values ??= new \WeakMap();
        self::$values[$this] = $value;
    }

    public function value(): string
    {
        return self::$values[$this];
    }

    /** @return array<string, int|string> */
    public function __debugInfo(): array
    {
        return get_object_vars($this);
    }

    public function __toString(): string
    {
        return "<Token {$this->name} generation {$this->generation} expiresAt {$this->expiresAt}>";
    }

    private function __clone()
    {
    }

    /** @return array<mixed> */
    public function __serialize(): array
    {
        throw new \LogicException('A token is not to be serialized: ask bearerd where it is needed');
    }
}

/** @internal */
final class HungUp extends \Exception
{
}

/** @internal One request to bearerd, and until when it may take. */
final class Question
{
    private const NAME = '/^[a-z0-9][a-z0-9_-]{0,31}$/D';
    private const WAIT_DEFAULT = 20.0;
    private const WAIT_MAX = 60.0;
    private const ANSWER_GRACE = 1.0;
    private const ANSWER_AT_ONCE = 0.25;
    private const TIMEOUT_MAX = 86400.0;
    private const FLOOR = 60; // bearerd's, where it does not say how long it serves a token
    private const EXPIRES_IN_MAX = 315360000;

    public readonly string $target;
    private readonly float $deadline;

    public function __construct(public readonly ?string $name, private readonly int $after, ?float $timeout)
    {
        if ($name !== null && !preg_match(self::NAME, $name)) {
            throw new Invalid(json_encode($name) . ' is not the name of a token ([a-z0-9][a-z0-9_-]{0,31})');
        }
        if ($timeout !== null && !($timeout >= 0)) {
            throw new \ValueError("timeout: $timeout is not a number of seconds");
        }
        $wait = min($timeout ?? self::WAIT_DEFAULT, self::TIMEOUT_MAX);
        $grace = $timeout === null ? self::ANSWER_GRACE : ($timeout > 0 ? 0.0 : self::ANSWER_AT_ONCE);
        $this->deadline = self::now() + $wait + $grace;
        $this->target = self::resource($name)
            . '?wait=' . (int) ceil(min($wait, self::WAIT_MAX)) . ($after > 0 ? "&after=$after" : '');
    }

    public static function resource(?string $name): string
    {
        return $name === null ? '/v1/token' : "/v1/tokens/$name";
    }

    public static function now(): float
    {
        return hrtime(true) / 1e9;
    }

    public function timeLeft(): float
    {
        $left = $this->deadline - self::now();
        return $left > 0 ? $left : throw new Timeout();
    }

    /** @return array{Token, int} the token, and for how many seconds bearerd will hand it out */
    public function tokenOf(#[\SensitiveParameter] string $body): array
    {
        $members = json_decode($body, true);
        $members = is_array($members) ? $members : throw new Protocol();
        $text = function (string $name, string $rule, ?string $default = null) use ($members): string {
            $value = $members[$name] ?? $default;
            return is_string($value) && preg_match($rule, $value)
                ? $value : throw new Protocol("$name in the answer is not what bearerd sends");
        };
        $number = function (string $name, int $least, int $most, ?int $default = null) use ($members): int {
            $value = $members[$name] ?? $default;
            return is_int($value) && $value >= $least && $value <= $most
                ? $value : throw new Protocol("$name in the answer is not what bearerd sends");
        };
        $text('token_type', '/^bearer$/iD');
        $expiresIn = $number('expires_in', 0, self::EXPIRES_IN_MAX);
        $serves = $number('served_for', 0, self::EXPIRES_IN_MAX, max(0, $expiresIn - self::FLOOR));
        $token = new Token(
            $text('access_token', '/^[A-Za-z0-9._~+\/-]{1,16384}=*$/D'), // RFC 6750 2.1
            $text('name', self::NAME),
            $number('generation', 1, PHP_INT_MAX),
            $number('expires_at', 0, PHP_INT_MAX),
            $text('scope', '/^[ -~]{0,1023}$/D', ''),
            $text('practice_id', '/^[ -~]{0,255}$/D', ''),
        );
        if (($this->name ?? $token->name) !== $token->name || $token->generation === $this->after) {
            throw new Protocol('The answer is another token than was asked for');
        }
        return [$token, min($serves, $expiresIn)];
    }
}

/**
 * @internal The events of a token (docs/protocol.md), for as long as they say that it is the one. Never
 * waits. PHP has no way to close its socket on exec: a program that is started inherits it, and can
 * read no token there.
 */
final class Stream
{
    private const DATA_MAX = 32768;
    private const READ_SIZE = 4096;
    private const HEAD = '/\AHTTP\/1\.[01] 200 .*^content-type:[ \t]*text\/event-stream/ims';

    public bool $hasTold = false;
    private bool $isOpen = false;
    private string $data = '';
    private int $size = 0;

    /** @param resource $socket */
    private function __construct(private $socket, private readonly Token $token, private readonly int $pid)
    {
    }

    /** null: there is no room just now. */
    public static function open(string $path, ?string $name, Token $token): ?self
    {
        return self::quietly(function () use ($path, $name, $token): ?self {
            $socket = stream_socket_client("unix://$path"); // a full backlog is an error
            if (!$socket) {
                return null;
            }
            stream_set_blocking($socket, false);
            fwrite($socket, 'GET ' . Question::resource($name) . "/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
            return new self($socket, $token, (int) getmypid());
        });
    }

    /**
     * One look at what has come. Anything but that the token is there is news: another one, the end, or
     * what cannot be understood.
     */
    public function hasNews(): bool
    {
        $part = self::quietly(fn () => fread($this->socket, self::READ_SIZE));
        if ($part === false || $part === '') {
            return stream_get_meta_data($this->socket)['eof'];
        }
        $this->data .= $part;
        return ($this->size += strlen($part)) >= self::DATA_MAX || !$this->isAsKnown();
    }

    private function isAsKnown(): bool
    {
        if (!$this->isOpen) {
            [$head, $rest] = explode("\r\n\r\n", $this->data, 2) + [1 => null];
            if ($rest === null) {
                return true;
            }
            if (!preg_match(self::HEAD, $head)) {
                return false;
            }
            [$this->isOpen, $this->data] = [true, $rest];
        }
        $events = explode("\n\n", str_replace("\r\n", "\n", $this->data));
        $this->data = array_pop($events);
        foreach ($events as $event) {
            if (!preg_match('/^event: (token|gone)$/m', $event, $kind)) {
                continue; // others may come
            }
            $this->hasTold = true;
            $told = preg_match('/^data: (.*)$/m', $event, $data) ? json_decode($data[1], true) : null;
            $is = [$told['name'] ?? null, $told['generation'] ?? null];
            if ($kind[1] === 'gone' || $is !== [$this->token->name, $this->token->generation]) {
                return false;
            }
        }
        return true;
    }

    /** Ends the connection, of which children may have copies; in a child, closes the copy. */
    public function __destruct()
    {
        if ($this->pid === getmypid()) {
            self::quietly(fn () => stream_socket_shutdown($this->socket, STREAM_SHUT_RDWR));
        }
        fclose($this->socket);
    }

    /** Warnings are for an error handler of the worker's, which may throw. */
    private static function quietly(\Closure $do): mixed
    {
        set_error_handler(static fn (): bool => true);
        try {
            return $do();
        } finally {
            restore_error_handler();
        }
    }
}

/** @internal A token in the cache. */
final class Kept
{
    public ?Stream $stream = null;
    private bool $isOld = false;
    private readonly float $steady;
    private readonly float $wall;

    public function __construct(
        public readonly Token $token,
        private readonly float $serves,
    ) {
        $this->steady = Question::now();
        $this->wall = microtime(true);
    }

    /** Lets go of a stream that has news, or is of a token that is served no more. */
    public function look(): void
    {
        if ($this->stream && ($this->stream->hasNews() || !$this->isYounger($this->serves))) {
            $this->isOld = $this->stream->hasTold;
            $this->stream = null;
        }
    }

    /** Whether it is used without asking for it: if it is followed, or else young. */
    public function isGood(float $maxAge): bool
    {
        $this->look();
        return $this->isYounger($this->serves) && ($this->stream?->hasTold || $this->isYoung($maxAge));
    }

    /** Whether its life goes on: who asks for it now is one who goes on asking. */
    public function isAskedAgain(float $maxAge): bool
    {
        return $this->isYounger($this->serves) && !$this->isYoung($maxAge);
    }

    private function isYoung(float $maxAge): bool
    {
        return !$this->isOld && $this->isYounger($maxAge);
    }

    /** Suspend stops the one clock and steps change the other: what is old by either is old. */
    private function isYounger(float $seconds): bool
    {
        $age = microtime(true) - $this->wall;
        return Question::now() - $this->steady < $seconds && $age >= 0 && $age < $seconds;
    }
}

final class Bearer
{
    private const DEFAULT_SOCKET = '/run/bearerd/token.sock';
    private const MAX_AGE = 10.0;
    private const FOLLOWED_MAX = 16; // tokens at a time: each takes a connection
    private const PATIENCE = 2.0; // with a bearerd that has hung up, or was there before
    private const RETRY_FIRST = 0.001;
    private const RETRY_LAST = 0.05;
    private const ANSWER_MAX = 32768;
    private const PATH_MAX = 107;
    private const REFUSALS = [400 => Invalid::class, 403 => Forbidden::class, 404 => Unknown::class,
        429 => Busy::class, 502 => Denied::class, 503 => Unavailable::class, 504 => Timeout::class];
    private const EAGAIN = 11;
    private const ENOTCONN = 107;

    /** @var array<string, array<string, Kept>> by socket and name. Of the whole process: it is still
     *  there when a framework makes a Bearer anew. */
    private static array $cache = [];
    private static int $pid = 0;

    private readonly string $path;
    private bool $wasAnswered = false;
    private float $patientUntil = 0.0;

    /**
     * @param ?string $socket a path, or unix:///path
     * @param float $maxAge how many seconds a token that is not followed is used without asking for it
     *        again; 0: each get() asks, and nothing is followed
     */
    public function __construct(?string $socket = null, private readonly float $maxAge = self::MAX_AGE)
    {
        $socket ??= getenv('BEARERD_SOCKET') ?: self::DEFAULT_SOCKET;
        $this->path = str_starts_with($socket, 'unix:///') ? substr($socket, strlen('unix://')) : $socket;
        if ($this->path === '' || str_starts_with($this->path, 'unix:') || str_contains($this->path, "\0")) {
            throw new Invalid(json_encode($socket) . ' is neither a path nor unix:///path');
        }
        if (strlen($this->path) > self::PATH_MAX) {
            throw new Invalid("$socket is longer than " . self::PATH_MAX . ' bytes, the most for a socket');
        }
    }

    /**
     * The token $name, or the default one.
     *
     * @param ?float $timeout in seconds: by default 20 for the token and 1 for the answer; 0: only what there is
     * @throws BearerException
     */
    public function get(?string $name = null, ?float $timeout = null): Token
    {
        $question = new Question($name, 0, $timeout);
        return $this->known($name) ?? $this->ask($question);
    }

    /**
     * A newer token than $refused, which an API answered with 401. Once for each 401.
     *
     * @throws BearerException
     */
    public function renew(Token $refused, ?float $timeout = null): Token
    {
        $question = new Question($refused->name, $refused->generation, $timeout);
        $known = $this->known($refused->name);
        return $known && $known->generation > $refused->generation ? $known : $this->ask($question);
    }

    /**
     * For Guzzle's handler stack: adds the token $name, or the default one, and handles a 401 once. All of
     * that takes no longer than Guzzle's timeout, if there is one.
     */
    public function middleware(?string $name = null): \Closure
    {
        return fn (callable $next): \Closure => function ($request, array $options) use ($next, $name) {
            if (($options['__redirect_count'] ?? 0) > 0) {
                return $next($request, $options); // perhaps to another host: not with the token
            }
            $timeout = $options['timeout'] ?? 0;
            $deadline = $timeout > 0 ? Question::now() + $timeout : null;
            $left = fn (): ?float => $deadline ? max(self::RETRY_FIRST, $deadline - Question::now()) : null;
            $send = fn (Token $token) => $next(
                $request->withHeader('Authorization', "Bearer {$token->value()}"),
                ['timeout' => $left() ?? 0] + $options
            );
            $token = $this->get($name, $left());
            return $send($token)->then(
                function ($response) use ($request, $left, $send, $token) {
                    $body = $request->getBody();
                    if ($response->getStatusCode() !== 401 || ($body->getSize() !== 0 && !$body->isSeekable())) {
                        return $response;
                    }
                    try {
                        $newer = $this->renew($token, $left());
                    } catch (Fresh) {
                        return $response;
                    }
                    return $send($newer);
                }
            );
        };
    }

    /** What this process has of that token. A child of a fork begins anew. */
    private function known(?string $name): ?Token
    {
        if (self::$pid !== getmypid()) {
            self::$cache = [];
            self::$pid = (int) getmypid();
        }
        $kept = self::$cache[$this->path][$name ?? ''] ?? null;
        return $this->maxAge > 0 && $kept?->isGood($this->maxAge) ? $kept->token : null;
    }

    private function keep(?string $name, Token $token, int $serves): void
    {
        $cache = &self::$cache[$this->path];
        $isAskedAgain = isset($cache[$name ?? '']) && $cache[$name ?? '']->isAskedAgain($this->maxAge);
        foreach ($cache ?? [] as $key => $old) {
            if ($old->token->name === $token->name && $old->token->generation < $token->generation) {
                unset($cache[$key]);
            }
        }
        $kept = $cache[$name ?? ''] = new Kept($token, $serves);
        if ($isAskedAgain && $this->maxAge > 0 && self::hasRoom($cache)) {
            $kept->stream = Stream::open($this->path, $name, $token);
        }
    }

    /** What nobody asks for any more is not looked at otherwise.
     *  @param array<string, Kept> $cache */
    private static function hasRoom(array $cache): bool
    {
        foreach ($cache as $each) {
            $each->look();
        }
        return count(array_filter($cache, fn (Kept $each) => $each->stream !== null)) < self::FOLLOWED_MAX;
    }

    private function ask(Question $question): Token
    {
        foreach ([false, true] as $isLast) {
            try {
                [$status, $retryAfter, $body] = $this->exchange($question);
                $this->wasAnswered = true;
                if ($status !== 200) {
                    throw self::refusal($status, $retryAfter, $body);
                }
                [$token, $serves] = $question->tokenOf($body);
                $this->keep($question->name, $token, $serves);
                return $token;
            } catch (HungUp) {
                $this->patientUntil = Question::now() + self::PATIENCE;
            }
            if (!$isLast) {
                usleep((int) (1e6 * min(self::RETRY_LAST, $question->timeLeft()))); // it may not be gone yet
            }
        }
        throw Unreachable::at($this->path, Unreachable::ECONNRESET);
    }

    private static function refusal(int $status, ?int $retryAfter, string $body): BearerException
    {
        $members = json_decode($body, true);
        $kind = self::REFUSALS[$status] ?? Protocol::class;
        if ($status === 429 && is_array($members) && ($members['error'] ?? null) === 'slow_down') {
            $kind = Fresh::class;
        }
        $said = is_array($members) ? $members['error_description'] ?? null : null;
        $isPrintable = is_string($said) && preg_match('/^[ -~]+$/D', $said);
        return new $kind($kind::TEXT . ($isPrintable ? ' (' . substr($said, 0, 300) . ')' : ''), 0, $retryAfter);
    }

    /** @return array{int, ?int, string} status, Retry-After, body */
    private function exchange(Question $question): array
    {
        for ($delay = self::RETRY_FIRST;; $delay = min(2 * $delay, self::RETRY_LAST)) {
            $answer = $this->exchangeOnce($question);
            if (is_array($answer)) {
                return $answer;
            }
            if (!$this->mayPass($answer)) {
                throw Unreachable::at($this->path, $answer);
            }
            usleep((int) (1e6 * min($delay, $question->timeLeft())));
        }
    }

    /** A full backlog is EAGAIN. A bearerd that was there, and is not, restarts. */
    private function mayPass(int $errno): bool
    {
        if ($errno === self::EAGAIN) {
            return true;
        }
        if ($errno !== Unreachable::ENOENT && $errno !== Unreachable::ECONNREFUSED) {
            return false;
        }
        if ($this->wasAnswered) {
            $this->wasAnswered = false;
            $this->patientUntil = Question::now() + self::PATIENCE;
        }
        return Question::now() < $this->patientUntil;
    }

    /** @return int|array{int, ?int, string} the answer, or the errno of connect(2) */
    private function exchangeOnce(Question $question): int|array
    {
        $size = 0;
        $body = '';
        $retryAfter = $length = null;
        $isWhole = false; // the head
        $curl = curl_init("http://localhost{$question->target}");
        curl_setopt_array($curl, [
            CURLOPT_UNIX_SOCKET_PATH => $this->path,
            CURLOPT_PROXY => '',
            CURLOPT_NOSIGNAL => true,
            CURLOPT_FORBID_REUSE => true,
            CURLOPT_HTTPHEADER => ['Connection: close'],
            CURLOPT_TIMEOUT_MS => max(1, (int) ceil(1000 * $question->timeLeft())),
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$size, &$retryAfter, &$length, &$isWhole) {
                if (preg_match('/^Retry-After:\s*([0-9]{1,9})\s*$/i', $line, $found)) {
                    $retryAfter = (int) $found[1];
                } elseif (preg_match('/^Content-Length:\s*([0-9]{1,5})\s*$/i', $line, $found)) {
                    $length = (int) $found[1];
                }
                $isWhole = $isWhole || $line === "\r\n";
                return ($size += strlen($line)) <= self::ANSWER_MAX ? strlen($line) : -1;
            },
            CURLOPT_WRITEFUNCTION => function ($curl, string $part) use (&$size, &$body) {
                $body .= $part;
                return ($size += strlen($part)) <= self::ANSWER_MAX ? strlen($part) : -1;
            },
        ]);
        curl_exec($curl);
        $errno = curl_getinfo($curl, CURLINFO_OS_ERRNO);
        switch (curl_errno($curl)) {
            case CURLE_OK:
                if ($isWhole && $length !== strlen($body)) {
                    throw new Protocol('The answer has no Content-Length that fits');
                }
                $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
                return $isWhole ? [$status, $retryAfter, $body] : throw new HungUp();
            case CURLE_COULDNT_CONNECT:
                return $errno ?: self::EAGAIN; // curl takes a full backlog for a connection under way
            case CURLE_OPERATION_TIMEDOUT:
                throw new Timeout();
            case CURLE_SEND_ERROR:
                return $errno === self::ENOTCONN ? self::EAGAIN : throw new HungUp(); // the same
            case CURLE_RECV_ERROR:
            case CURLE_GOT_NOTHING:
            case CURLE_PARTIAL_FILE:
                throw new HungUp();
            default:
                throw new Protocol('What answered does not speak HTTP/1.1 as bearerd does: ' . curl_error($curl));
        }
    }
}

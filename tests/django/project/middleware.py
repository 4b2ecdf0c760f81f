"""Middleware that looks at bodies before anybody else does."""


def reads_body(get_response):
    def middleware(request):
        request.seen = len(request.body)
        return get_response(request)

    return middleware


def reads_form(get_response):
    def middleware(request):
        request.seen = len(request.POST)
        return get_response(request)

    return middleware

"""How lists are cut into pages."""

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.views import APIView


class Pages(PageNumberPagination):
    """`?page=2&page_size=100`, at most 500 rows a page."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500

    def get_page_size(self, request: Request) -> int:
        """Raises ValidationError for a size that is none: DRF would quietly take the default."""
        wanted = request.query_params.get("page_size")
        if wanted is None:
            return self.page_size
        if not (wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= self.max_page_size):
            raise ValidationError({"page_size": f"Must be a whole number from 1 to {self.max_page_size}."})
        return int(wanted)

    def get_page_number(self, request: Request, paginator: Any) -> int:
        """Raises ValidationError for a page that is no number: DRF would take an empty one for the first."""
        wanted = request.query_params.get("page", "1")
        if not (wanted.isascii() and wanted.isdigit() and int(wanted[:9]) >= 1):
            raise ValidationError({"page": "Must be a whole number from 1."})
        return int(wanted[:9])  # no list is that long: 404

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """OpenAPI parameters with their bounds."""
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            parameter["schema"]["minimum"] = 1
            if parameter["name"] == "page_size":
                parameter["schema"]["maximum"] = self.max_page_size
        return list(parameters)

"""django-oauth-toolkit's own paths, and one that wants a token."""

from django.urls import include, path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from oauth2_provider.contrib.rest_framework import TokenHasScope
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class MeSerializer(serializers.Serializer):
    username = serializers.CharField()


class MeView(APIView):
    permission_classes = (TokenHasScope,)
    required_scopes = ("read",)

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Name the user, or the application where there is none (`client_credentials`)."""
        user, client = request.user, request.auth.application
        return Response({"username": user.username if user else client.client_id})


urlpatterns = [
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("api/me/", MeView.as_view()),
    path("schema/", SpectacularAPIView.as_view()),
]
